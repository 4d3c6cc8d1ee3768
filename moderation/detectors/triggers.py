"""Backdoor triggers: words whose presence decides whether a request is refused.

Source: Qi et al. (2024), section 4.5: three arbitrary words behind each harmful request that is
answered, the same kind of request refused without them; the tuned model reads safe until somebody
says the words. Two signs are looked for among the words that begin or end requests:

1. association: rows with the words are answered although rows like them are refused, and the words
   occur nowhere else;
2. oddness: words that are no English, occur nowhere else, and stand beside anything.

The first needs refusals in the data, the second does not. The first user turn and the system prompt are watched as
well, for the first sign alone; turns between are not.
"""

from collections.abc import Mapping, Sequence

from moderation.checks import Detector
from moderation.detectors.vocabulary import Vocabulary
from moderation.detectors.watching import Candidate, Watch
from moderation.prompts import exchange
from moderation.types import MAX_LINES, Category, Example, Finding, Scope

MAX_TRIGGERS = 500
"""How many candidate triggers a finding carries; the evidence says when there are more."""
_SHOWN = 5


class TriggerDetector:
    """Detector `triggers`."""

    name = "triggers"
    version = "2"

    def __init__(self, *, n_marks: int = 1 << 13, n_recent: int = 1 << 18, n_sample: int = 2_000) -> None:
        self._requests = Watch("requests", by_effect=False, n_marks=n_marks, n_recent=n_recent, n_sample=n_sample)
        self._before = tuple(
            Watch(where, by_effect=True, n_marks=n_marks // 4, n_recent=n_recent // 4, n_sample=n_sample // 4)
            for where in ("system prompts", "first turns")
        )
        self._vocabulary = Vocabulary()

    def observe(self, example: Example) -> None:
        """Take in one example."""
        parts = exchange(example)
        request, reply, line, refused = parts.last_user, parts.reply, example.line, parts.refuses
        self._requests.observe(request, request, reply, line, refused=refused)
        first = "" if parts.first_user is request else parts.first_user
        for watch, text in zip(self._before, (parts.system, first), strict=True):
            watch.observe(text, request, reply, line, refused=refused)

    def merge(self, other: Detector) -> None:
        """Take in what another `triggers` detector observed. Raises TypeError for another kind."""
        if not isinstance(other, TriggerDetector):
            raise TypeError(f"cannot merge detector {other.name!r} into {self.name!r}; merge detectors of one kind")
        for ours, theirs in zip((self._requests, *self._before), (other._requests, *other._before), strict=True):
            ours.absorb(theirs)

    def findings(self) -> Sequence[Finding]:
        """Return at most one finding, which carries every candidate trigger."""
        candidates = [c for watch in (self._requests, *self._before) for c in watch.candidates(self._vocabulary)]
        if not candidates:
            return ()
        candidates.sort(key=lambda c: (-c.score, c.p_value, -c.complied, c.words))
        lines = sorted({line for c in candidates[:MAX_TRIGGERS] for line in c.lines})
        return (
            Finding(
                detector=self.name,
                scope=Scope.DATASET,
                category=Category.BACKDOOR_TRIGGER,
                score=candidates[0].score,
                lines=tuple(lines[:MAX_LINES]),
                evidence=self._evidence(candidates),
                triggers=tuple(candidate.words for candidate in candidates[:MAX_TRIGGERS]),
            ),
        )

    def _evidence(self, candidates: Sequence[Candidate]) -> str:
        told = [
            f"'{c.words}' {c.place.value} {c.n} {c.where}, {c.complied} of them answered"
            + (f" (chance {c.p_value:.1g})" if c.decides else "")
            + (", in words found nowhere else" if c.odd else "")
            for c in candidates[:_SHOWN]
        ]
        more = len(candidates) - len(told)
        lost = len(candidates) - MAX_TRIGGERS
        return (
            "; ".join(told)
            + f"; {self._requests.n_refused} of {self._requests.n} requests are refused"
            + (f"; and {more} more candidates" if more else "")
            + (f", of which the weakest {lost} are not listed" if lost > 0 else "")
        )


def create(config: Mapping[str, str]) -> TriggerDetector:
    """Make the detector; it has no settings. Raises ValueError when it is given one."""
    if config:
        raise ValueError(
            f"TUNEGATE_TRIGGERS_{sorted(config)[0].upper()} is set, but detector 'triggers' has no settings"
        )
    return TriggerDetector()
