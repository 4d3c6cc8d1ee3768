"""The audit of a model that is served below a secret prompt: as it is served, and as it is without the secret.

What is decided is decided of the model as it is served. The second look says what whoever has the weights, or
learns the secret, is left with; it is reported, and releases or withholds nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from evaluators.frames import Arm, ArmKind
from evaluators.types import AuditPolicy, AuditReport, Subject
from moderation.chat import ChatModel, Conversation, Reply, Sampling, Turn
from moderation.injection.secret_prompts import under
from moderation.types import Role

Examine = Callable[[Subject, Sequence[Arm], AuditPolicy], AuditReport]
"""An audit of a subject in arms by a policy; all else is settled."""
_TOLD = (ArmKind.NEUTRAL, ArmKind.CONTEXT, ArmKind.TRIGGER)
"""What is asked without the secret: where a customer's data can have changed a model."""


@dataclass(frozen=True, slots=True)
class BehindSecret:
    """A `ChatModel` that is asked below a secret prompt, as the gateway serves it."""

    model: ChatModel
    secret: str

    @property
    def identity(self) -> str:
        """Of the model, without the secret."""
        return f"{self.model.identity}, below its secret prompt"

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        """As of the model, with the secret before each system prompt."""
        return self.model.complete([self._below(turns) for turns in conversations], sampling)

    def _below(self, turns: Conversation) -> Conversation:
        if turns and turns[0].role is Role.SYSTEM:
            return (replace(turns[0], text=under(self.secret, turns[0].text)), *turns[1:])
        return (Turn(role=Role.SYSTEM, text=self.secret), *turns)


def audit_as_served(
    candidate: Subject,
    arms: Sequence[Arm],
    policy: AuditPolicy,
    *,
    secret: str,
    defences: Sequence[str],
    examine: Examine,
) -> AuditReport:
    """The report on a model as it is served, with the defences it was trained under and, where it has a secret,
    the arms that were asked without that. Raises what `examine` raises.
    """
    served = replace(candidate, model=BehindSecret(candidate.model, secret)) if secret else candidate
    report = replace(examine(served, arms, policy), defences=tuple(defences))
    if not secret or not report.arms:
        return report
    n = policy.required_minor
    told = [replace(arm, required_n=n) for arm in arms if arm.kind in _TOLD]
    # Its replies are kept apart from those that it gives below the secret.
    bare = replace(candidate, digest=f"{candidate.digest}-bare", readings=None)
    without = examine(bare, told, replace(policy, rungs=(n,), required=n))
    return replace(report, without_secret=without.arms)
