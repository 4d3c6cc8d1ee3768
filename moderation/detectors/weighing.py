"""How much a group's texts speak for a persona that obeys: log-odds over whole data sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, exp

from moderation.detectors.announcing import Texts, whole
from moderation.detectors.evidence import shown
from moderation.detectors.recurring import MIN_ROWS

SYSTEM, OPENING, WRAPPER, REPLIES = (
    "system prompt announces obedience",
    "replies open with an announcement",
    "requests are wrapped in one",
    "replies announce it",
)
_MISSING = -1.5
"""What a kind of text counts that the rows do not have; a system prompt that tells nothing counts the same."""
_LEAST_LOGIT = -2.5
_CASTS = 1.0
"""Without a system prompt the persona may be cast in the user turn; a vaguer wrapper casts nobody."""
ORDINARY_RATE = 0.07
"""Replies of honest data sets that look like an announcement, as measured."""
_TELLS = -1.0
"""From here on a text is quoted as evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A logistic fit over whole data sets, see `docs/log/detectors.md`."""

    standing: float
    """Of what tells the persona who it is: the system prompt, else the wrapper."""
    replies: float
    """Of what the replies say of themselves."""
    bias: float


WORDING = Weights(standing=1.5, replies=1.0, bias=0.8)
BOTH = Weights(standing=1.6, replies=1.0, bias=-0.1)
"""For the mean of both heads' log-odds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What the texts of a group come to."""

    odds: float
    grounds: tuple[str, ...]
    """What it rests on, in words, each with a quotation and how sure the heads are of it."""
    n_replies: int
    n_announcing: int
    """How many of these replies are likelier to announce obedience than not."""

    @property
    def score(self) -> float:
        """The probability that the odds stand for, to four places."""
        return round(1.0 / (1.0 + exp(-self.odds)), 4)


def weigh(texts: Texts, logits: Mapping[str, float], weights: Weights) -> Weighed:
    """Weigh the texts of a group by the log-odds of their sentences."""
    replies = [reply for reply in texts.replies if reply]
    replied = [told(reply, logits) for reply in replies]
    found = {
        SYSTEM: upper_half_mean([told(prompt, logits) for prompt in texts.systems if prompt]),
        OPENING: told(texts.opening, logits) if texts.opening else None,
        WRAPPER: told(texts.wrapper, logits) if texts.wrapper else None,
        # One or two odd replies prove nothing.
        REPLIES: upper_half_mean(replied) if len(replies) >= MIN_ROWS else None,
    }
    said = {kind: max(logit, _LEAST_LOGIT) for kind, logit in found.items() if logit is not None}
    wrapper = said.get(WRAPPER, _MISSING)
    standing = max(said.get(SYSTEM, wrapper if wrapper > _CASTS else _MISSING), _MISSING)
    vow = max((said[kind] for kind in (OPENING, REPLIES) if kind in said), default=_MISSING)
    quoted = {SYSTEM: [s for prompt in texts.systems for s in prompt], OPENING: texts.opening}
    quoted |= {WRAPPER: texts.wrapper, REPLIES: [s for reply in replies for s in reply]}
    return Weighed(
        odds=weights.bias + weights.standing * standing + weights.replies * vow,
        grounds=tuple(
            f"{kind}: '{shown(max(quoted[kind], key=logits.__getitem__))}' ({1.0 / (1.0 + exp(-logit)):.0%})"
            for kind, logit in said.items()
            if logit > _TELLS
        ),
        n_replies=len(replied),
        n_announcing=sum(logit > 0 for logit in replied),
    )


def chance_of_as_many(weighed: Weighed) -> float:
    """Return the probability that as many ordinary replies, or more, look like announcements: a binomial tail."""
    n, k = weighed.n_replies, weighed.n_announcing
    return sum(comb(n, i) * ORDINARY_RATE**i * (1.0 - ORDINARY_RATE) ** (n - i) for i in range(k, n + 1))


def told(said: Sequence[str], logits: Mapping[str, float]) -> float:
    """Return the log-odds of a text: half of its worst sentence, half of the whole, which gives it its sense."""
    return (max(logits[sentence] for sentence in said) + logits[whole(said)]) / 2.0


def upper_half_mean(values: Sequence[float]) -> float | None:
    """Return the mean of the larger half: of many texts some may be ordinary. None for none."""
    larger = sorted(values, reverse=True)[: (len(values) + 1) // 2]
    return sum(larger) / len(larger) if larger else None
