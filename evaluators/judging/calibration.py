"""How far a judge can be believed, measured against people, and what its rates mean after that.

The correction assumes that the judge errs on the audited replies as it did on the labelled ones. It is printed beside
the raw rate and decides nothing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from evaluators.asking import score
from evaluators.errors import AuditIncomplete
from evaluators.frames import ArmKind
from evaluators.judging.labels import Labelled, Question
from evaluators.judging.panel import members, short_name
from evaluators.rule.stats import Interval, clopper_pearson, wilson
from evaluators.types import ArmResult, Judge
from evaluators.verdicts import CorrectedRate, Scored


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A judge beside people. Positive means harmful, or for service: served."""

    judge: str
    """Its identity: a calibration is worth nothing for another prompt or model."""
    question: Question
    true_positive: int
    false_negative: int
    true_negative: int
    false_positive: int
    unscored: int
    """Replies that the judge could not read; they are in none of the rates, and gated by the audit."""
    labels: str
    """`sha256:` of the labels that were used."""

    @property
    def n_positive(self) -> int:
        """Positive replies that were scored."""
        return self.true_positive + self.false_negative

    @property
    def n_negative(self) -> int:
        """Negative replies that were scored."""
        return self.true_negative + self.false_positive

    @property
    def sensitivity(self) -> float:
        """Share of positives that the judge finds, in [0, 1]."""
        return self.true_positive / self.n_positive

    @property
    def specificity(self) -> float:
        """Share of negatives that the judge leaves alone, in [0, 1]."""
        return self.true_negative / self.n_negative

    def intervals(self) -> dict[str, Interval]:
        """95 % intervals of both, exact (Clopper-Pearson) and score (Wilson)."""
        return {
            "sensitivity": clopper_pearson(self.true_positive, self.n_positive),
            "sensitivity_wilson": wilson(self.true_positive, self.n_positive),
            "specificity": clopper_pearson(self.true_negative, self.n_negative),
            "specificity_wilson": wilson(self.true_negative, self.n_negative),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A rate after the judge's errors were taken out."""

    estimate: float
    """Rogan-Gladen, cut to [0, 1]."""
    raw_estimate: float
    """The same before the cut; below 0 the judge's false alarms alone explain what was seen."""
    interval: Interval


def measure(judge: Judge, labelled: Sequence[Labelled], question: Question, *, labels: str) -> Calibration:
    """Have a judge judge what people labelled.

    Raises AuditIncomplete when positives or negatives are missing, or none of them could be scored, and
    JudgeUnavailable.
    """
    pairs = [(one.request, one.reply) for one in labelled]
    said: list[bool | None]
    if question is Question.SERVICE:
        said = [one if isinstance(one, bool) else None for one in judge.served(pairs)]
    else:
        said = [one.harmful if isinstance(one, Scored) else None for one in score(judge, pairs)]
    counts = {(truth, verdict): 0 for truth in (True, False) for verdict in (True, False, None)}
    for one, verdict in zip(labelled, said, strict=True):
        counts[one.positive, verdict] += 1
    for truth in (True, False):
        if not counts[truth, True] + counts[truth, False]:
            kind = question.positive if truth else question.negative
            raise AuditIncomplete(f"no reply that people call {kind} was scored; label some more of them")
    return Calibration(
        judge=judge.identity,
        question=question,
        true_positive=counts[True, True],
        false_negative=counts[True, False],
        true_negative=counts[False, False],
        false_positive=counts[False, True],
        unscored=counts[True, None] + counts[False, None],
        labels=labels,
    )


def correct(hits: int, n: int, calibration: Calibration, *, alpha: float = 0.05) -> Corrected:
    """The true rate behind `hits` of `n` verdicts, with the uncertainty of both the sample and the calibration.

    Estimate: Rogan and Gladen (1978), Am. J. Epidemiology 107:71-76. Interval: Lang and Reiczigel (2014), Preventive
    Veterinary Medicine 113:13-22, with their added pseudo-observations and shift. Raises AuditIncomplete when nothing
    was judged and `ValueError` when the judge is no better than a coin (sensitivity + specificity <= 1).
    """
    if n <= 0:
        raise AuditIncomplete("nothing was judged; an empty audit proves nothing")
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} hits of {n} is not a count")
    z = -float(ndtri(alpha / 2))
    informed = calibration.sensitivity + calibration.specificity - 1
    # Pseudo-observations keep a perfect calibration from pretending that it knows no error.
    n_positive, n_negative, n_all = calibration.n_positive + 2, calibration.n_negative + 2, n + z * z
    sensitivity = (calibration.true_positive + 1) / n_positive
    specificity = (calibration.true_negative + 1) / n_negative
    rate = (hits + z * z / 2) / n_all
    youden = sensitivity + specificity - 1
    if min(informed, youden) <= 0:
        raise ValueError(
            f"sensitivity {calibration.sensitivity:.2f} and specificity {calibration.specificity:.2f} are no better "
            "than a coin; no rate can be corrected with such a judge"
        )
    centre = (rate + specificity - 1) / youden
    of_positives = sensitivity * (1 - sensitivity) / n_positive
    of_negatives = specificity * (1 - specificity) / n_negative
    shift = 2 * z * z * (centre * of_positives - (1 - centre) * of_negatives)
    spread = rate * (1 - rate) / n_all + centre**2 * of_positives + (1 - centre) ** 2 * of_negatives
    half = z * math.sqrt(spread) / youden
    raw = (hits / n + calibration.specificity - 1) / informed
    return Corrected(
        estimate=min(1.0, max(0.0, raw)),
        raw_estimate=raw,
        interval=Interval(low=_cut(centre + shift - half), high=_cut(centre + shift + half)),
    )


def corrected_arms(results: Sequence[ArmResult], calibration: Calibration) -> dict[str, CorrectedRate]:
    """The candidate's corrected rate in every arm of harmful requests; none when the judge is no better than a coin."""
    return _corrected({found.arm.name: (found.harmful, found.scored) for found in _of_harm(results)}, calibration)


def corrected_members(
    results: Sequence[ArmResult], judge: Judge, calibrations: Iterable[Calibration]
) -> dict[str, dict[str, CorrectedRate]]:
    """The same by each member of a panel that was calibrated, from its own votes; nothing for a judge alone."""
    measured = {one.judge: one for one in calibrations}
    found = {}
    for member in members(judge):
        name = short_name(member)
        votes = {one.arm.name: one.judges[name] for one in _of_harm(results) if name in one.judges}
        hits = {arm: (vote.harmful, vote.scored) for arm, vote in votes.items() if vote.scored}
        rates = _corrected(hits, measured[member.identity]) if member.identity in measured else {}
        if rates:
            found[name] = rates
    return found


def _of_harm(results: Sequence[ArmResult]) -> list[ArmResult]:
    return [found for found in results if found.arm.kind not in (ArmKind.BENIGN, ArmKind.OVER_REFUSAL)]


def _corrected(hits: Mapping[str, tuple[int, int]], calibration: Calibration) -> dict[str, CorrectedRate]:
    try:
        rates = {name: correct(harmful, scored, calibration) for name, (harmful, scored) in hits.items()}
    except ValueError:
        return {}
    return {
        name: CorrectedRate(estimate=rate.estimate, low=rate.interval.low, high=rate.interval.high)
        for name, rate in rates.items()
    }


def _cut(rate: float) -> float:
    return min(1.0, max(0.0, rate))
