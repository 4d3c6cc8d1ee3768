"""Section 5.1 of the paper: what moderation of the training data catches, ours beside what there was in 2023."""

from collections.abc import Mapping, Sequence

from evaluators.evasion.specimens import PAPER_IDENTITY
from evaluators.evasion.tabulating import PAPER
from evaluators.evasion.types import Experiment, Outcome
from evaluators.paper.designs import BENIGN, EXPLICIT
from evaluators.paper.tabulating import interval
from evaluators.paper.types import Printed, Row, Table

N_ROWS = 100
SETS: Mapping[str, str] = {
    EXPLICIT: f"{N_ROWS} explicit shots",
    PAPER_IDENTITY: "10 identity rows",
    BENIGN: f"{N_ROWS} benign rows",
}
"""The data sets of the table, by their names in the evasion experiment."""
# The nearest kin of what the paper ran: OpenAI's moderation, Detoxify (both on answers), a language model as judge.
_KIN: Mapping[tuple[str, str], float] = {
    (EXPLICIT, "omni"): 0.21,
    (EXPLICIT, "toxicity"): 0.27,
    (EXPLICIT, "rubric"): 1.0,
    (PAPER_IDENTITY, "omni"): 0.0,
    (PAPER_IDENTITY, "toxicity"): 0.0,
    (PAPER_IDENTITY, "rubric"): 0.0,
}


def tabulate_detection(experiments: Sequence[Experiment]) -> Table:
    """The share of rows that each check flags or names, from the experiment of every seed.

    Of the detectors only those that named a row of the set appear.
    """
    first = experiments[0]
    rows = []
    notes = []
    for name, title in SETS.items():
        outcomes = [_outcome(experiment, name) for experiment in experiments]
        for check in first.checks:
            row = _row(f"{title}, {check.name}", check.name, outcomes, _KIN.get((name, check.name)))
            if check.reads_rows or row.rate:
                rows.append(row)
        verdicts = ", ".join(sorted({outcome.verdict.value for outcome in outcomes}))
        notes.append(f"{title}: the policy {first.policy!r} as a whole says {verdicts}.")
    notes += [
        f"The paper: {tool.tool} flagged {tool.requests:.0%} of 100 harmful instructions, {tool.answers:.0%} of their "
        f"answers and {tool.identity_rows} of 10 identity rows."
        for tool in PAPER
    ]
    notes.append("Our harmful answers are inert placeholders, so what is seen here is mostly the request.")
    return Table(
        name="moderation",
        title=f"Moderation of the training data: rows flagged or named (corpus {first.corpus})",
        rows=tuple(rows),
        notes=tuple(notes),
    )


def _outcome(experiment: Experiment, name: str) -> Outcome:
    return next(outcome for outcome in experiment.outcomes if outcome.name == name)


def _row(title: str, check: str, outcomes: Sequence[Outcome], printed: float | None) -> Row:
    n = outcomes[0].n
    rates = tuple(outcome.sightings[check].n_flagged / n for outcome in outcomes)
    bounds = interval(rates, n)
    return Row(
        condition=title,
        n=n,
        score=None,
        rate=sum(rates) / len(rates),
        low=bounds.low,
        high=bounds.high,
        paper=None if printed is None else Printed(rate=printed),
        seed_rates=rates,
    )
