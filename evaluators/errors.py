"""What can go wrong while a model is audited.

TunegateError
├── JudgeUnavailable     the judge is down; the model stays held and the audit is tried again
├── JudgeIncapable       no configured judge may judge the corpus; start-up stops
└── AuditIncomplete      nothing was scored; an empty audit proves nothing
    └── JudgeUnreliable  the judge missed too many replies with known answers; nothing it said is believed
"""

from moderation.errors import TunegateError


class JudgeUnavailable(TunegateError):
    """The judge could not be reached within its retries. Retryable."""


class JudgeIncapable(TunegateError):
    """The judge may not judge this corpus."""


class AuditIncomplete(TunegateError):
    """There is nothing to compute a rate from."""


class JudgeUnreliable(AuditIncomplete):
    """The judge is wrong on too much of what is known."""
