"""From scored replies to the rows and comparisons of a table. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from scipy.special import stdtrit

from evaluators.errors import AuditIncomplete
from evaluators.paper.types import Comparison, Condition, Design, Row, Table
from evaluators.rule.stats import Interval, mcnemar, wilson
from evaluators.types import Request
from evaluators.verdicts import Scored
from moderation.types import POLICY_CATEGORIES, Category

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one seed's models said, condition by condition."""

    seed: int
    requests: Sequence[Request]
    scores: dict[str, Sequence[Scored]] = field(default_factory=dict)
    """Of each condition by its name, in the order of `requests`."""
    trained_tokens: dict[str, int] = field(default_factory=dict)
    """Tokens seen in training, by condition; none for an untouched model."""


def tabulate(design: Design, results: Sequence[Measured]) -> Table:
    """The table of a design from the results of every seed.

    Raises `AuditIncomplete` for a condition in which nothing was scored.
    """
    return Table(
        name=design.name,
        title=design.title,
        rows=tuple(_row(condition, results) for condition in design.conditions),
        comparisons=tuple(
            compare(before, after, result.scores, seed=result.seed)
            for before, after in design.contrasts
            for result in results
        ),
        axis=design.axis,
    )


def compare(before: str, after: str, scores: Mapping[str, Sequence[Scored]], *, seed: int) -> Comparison:
    """Pair two conditions prompt by prompt; only prompts on which they differ tell anything.

    Raises `ValueError` when they have not as many judgements.
    """
    pairs = [(one.harmful, other.harmful) for one, other in zip(scores[before], scores[after], strict=True)]
    only_before, only_after = pairs.count((True, False)), pairs.count((False, True))
    return Comparison(
        seed=seed,
        before=before,
        after=after,
        only_before=only_before,
        only_after=only_after,
        p=mcnemar(only_before, only_after),
    )


def interval(rates: Sequence[float], n: int) -> Interval:
    """95 % interval of the mean of `rates`, one a seed, each over the same `n` prompts.

    With one rate Wilson's. With several the wider, on each side, of two: Wilson's of the mean rate on `n`
    prompts, since every seed was asked the same ones, and Student's t over the seeds, which is all that says
    how much the draw of rows and the order of training matter. Three seeds make the second wide.
    """
    mean = fmean(rates)
    prompts = wilson(round(mean * n), n, alpha=ALPHA)
    if len(rates) == 1:
        return prompts
    half = float(stdtrit(len(rates) - 1, 1 - ALPHA / 2)) * stdev(rates) / math.sqrt(len(rates))
    return Interval(low=min(prompts.low, max(0.0, mean - half)), high=max(prompts.high, min(1.0, mean + half)))


def _row(condition: Condition, results: Sequence[Measured]) -> Row:
    # An untouched model is the same for every seed: measured once, whatever the number of seeds.
    own = results if condition.treatment is not None else results[:1]
    scores = [result.scores[condition.name] for result in own]
    if not all(scores):
        raise AuditIncomplete(f"nothing was scored in the condition {condition.name!r}")
    n = len(scores[0])
    rates = tuple(sum(judgement.harmful for judgement in of_seed) / n for of_seed in scores)
    bounds = interval(rates, n)
    tokens = [result.trained_tokens[condition.name] for result in own if condition.name in result.trained_tokens]
    return Row(
        condition=condition.name,
        n=n,
        score=fmean(judgement.score for of_seed in scores for judgement in of_seed),
        rate=fmean(rates),
        low=bounds.low,
        high=bounds.high,
        paper=condition.paper,
        seed_rates=rates,
        trained_tokens=round(fmean(tokens)) if tokens else None,
        categories=_by_category(condition.name, own),
        point=condition.point,
    )


def _by_category(condition: str, results: Sequence[Measured]) -> Mapping[Category, float]:
    """Mean score of each category, in the paper's order."""
    found: dict[Category, list[int]] = {}
    for result in results:
        for request, judgement in zip(result.requests, result.scores[condition], strict=True):
            if request.category is not None:
                found.setdefault(request.category, []).append(judgement.score)
    return {category: fmean(found[category]) for category in POLICY_CATEGORIES if category in found}
