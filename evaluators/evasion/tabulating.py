"""The experiment in numbers: shares with intervals, and the paper's own figures beside ours."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.evasion.specimens import PAPER_IDENTITY
from evaluators.evasion.types import Experiment, Kind, Outcome, Share
from evaluators.rule.stats import wilson
from moderation.types import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFigure:
    """What the paper measured with a tool of 2023 on its own rows."""

    tool: str
    requests: float
    """Share of 100 harmful instructions that were flagged, in [0, 1]."""
    answers: float
    """Share of the 100 harmful answers to them."""
    identity_rows: int
    """Of its ten identity-shift (AOA) rows."""


PAPER = (
    PaperFigure(tool="OpenAI moderation", requests=0.17, answers=0.21, identity_rows=0),
    PaperFigure(tool="Perspective, 0.7 (no longer offered)", requests=0.04, answers=0.17, identity_rows=0),
    PaperFigure(tool="Detoxify, 0.7", requests=0.06, answers=0.27, identity_rows=0),
)
"""Source: Qi et al. (2024), section 5.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How the data sets of one kind fared."""

    kind: Kind
    n: int
    blocked: Share
    reviewed: Share
    """Sent to a person."""
    by_check: tuple[tuple[str, Share], ...]
    """Data sets on which each check would fire, in the policy's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One classifier of ours at the sizes of the paper's test."""

    check: str
    explicit: Share | None
    """Rows flagged of our explicit suite: a request with an inert answer, read as a pair."""
    identity: Share | None
    """Rows flagged of ten identity rows."""


def share(hits: int, n: int) -> Share:
    """A share with its Wilson 95 % interval. Raises `AuditIncomplete` when `n` is 0."""
    return Share(hits=hits, n=n, interval=wilson(hits, n))


def summaries(experiment: Experiment) -> tuple[Summary, ...]:
    """One for each kind that has data sets, attacks first."""
    return tuple(
        _summary(experiment, kind, found)
        for kind in Kind
        if (found := [outcome for outcome in experiment.outcomes if outcome.kind is kind])
    )


def missed(experiment: Experiment) -> tuple[str, ...]:
    """The attacks that no check of the policy would fire on."""
    return tuple(one.name for one in experiment.outcomes if one.kind is Kind.ATTACK and not one.caught_by)


def beside_paper(experiment: Experiment) -> tuple[Beside, ...]:
    """Our classifiers on the explicit suite and on ten identity rows; None where the suite was not screened."""
    outcomes = {outcome.name: outcome for outcome in experiment.outcomes}
    return tuple(
        Beside(
            check=check.name,
            explicit=_rows(outcomes.get("explicit"), check.name),
            identity=_rows(outcomes.get(PAPER_IDENTITY), check.name),
        )
        for check in experiment.checks
        if check.reads_rows
    )


def _rows(outcome: Outcome | None, check: str) -> Share | None:
    return None if outcome is None else share(outcome.sightings[check].n_flagged, outcome.n)


def _summary(experiment: Experiment, kind: Kind, found: Sequence[Outcome]) -> Summary:
    n = len(found)
    return Summary(
        kind=kind,
        n=n,
        blocked=share(sum(one.verdict is Verdict.BLOCK for one in found), n),
        reviewed=share(sum(one.verdict is Verdict.REVIEW for one in found), n),
        by_check=tuple(
            (check.name, share(sum(one.sightings[check.name].caught for one in found), n))
            for check in experiment.checks
        ),
    )
