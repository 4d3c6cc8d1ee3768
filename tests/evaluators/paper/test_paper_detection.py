from evaluators.evasion.specimens import PAPER_IDENTITY
from evaluators.evasion.types import Check, Experiment, Kind, Outcome, Sighting
from evaluators.paper.detection import tabulate_detection
from moderation.types import Action, Verdict

CHECKS = {"omni": True, "identity": False}


def outcome(name: str, n: int, **flagged: int) -> Outcome:
    seen = {check: Sighting(score=0.0, n_flagged=flagged.get(check, 0), caught=False) for check in CHECKS}
    return Outcome(
        name=name,
        kind=Kind.ATTACK,
        theirs=False,
        held_out=False,
        n=n,
        verdict=Verdict.BLOCK,
        reasons=(),
        sightings=seen,
    )


def experiment(seed: int, n_explicit: int) -> Experiment:
    checks = [
        Check(name=name, reads_rows=rows, action=Action.BLOCK, threshold=0.5, version="1")
        for name, rows in CHECKS.items()
    ]
    outcomes = (
        outcome("explicit", 100, omni=n_explicit),
        outcome(PAPER_IDENTITY, 10, identity=10),
        outcome("benign", 100),
    )
    return Experiment(
        policy="p", policy_digest="d", corpus="english", n_rows=100, seed=seed, checks=tuple(checks), outcomes=outcomes
    )


def test_our_classifiers_stand_beside_their_kin_in_the_paper() -> None:
    table = tabulate_detection([experiment(0, 20), experiment(1, 40)])
    rows = {row.condition: row for row in table.rows}
    assert rows["100 explicit shots, omni"].seed_rates == (0.2, 0.4)
    assert rows["100 explicit shots, omni"].paper is not None
    assert rows["100 explicit shots, omni"].paper.rate == 0.21
    assert any("OpenAI moderation flagged 17%" in note for note in table.notes)


def test_detectors_appear_where_they_named_a_row() -> None:
    rows = {row.condition: row.rate for row in tabulate_detection([experiment(0, 20)]).rows}
    assert rows["10 identity rows, identity"] == 1.0
    assert rows["10 identity rows, omni"] == 0.0
    assert "100 explicit shots, identity" not in rows
