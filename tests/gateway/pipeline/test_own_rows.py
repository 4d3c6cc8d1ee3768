"""The customer's validation rows beside the audit: shown, told once, and no part of the verdict."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from toy_shop import Toy, ToyBackend, make_toy

from evaluators.report.documents import report_from_json, summary
from gateway.store import events
from gateway.store.models import JobState
from trainers.types import OwnRows, RunState, TrainingSpec

SAID = OwnRows(n=7, base_loss=2.0, base_token_accuracy=0.25, loss=0.5, token_accuracy=0.75)


@dataclass
class ValidatingBackend(ToyBackend):
    """Leaves what a run with a validation file leaves."""

    def start(self, spec: TrainingSpec, training: Any, validation: str | None, run_dir: str) -> None:
        super().start(spec, training, validation, run_dir)
        base = {"n": SAID.n, "loss": SAID.base_loss, "token_accuracy": SAID.base_token_accuracy}
        (Path(run_dir) / "base_validation.json").write_text(json.dumps(base))

    def observe(self, run_dir: str, *, after_step: int) -> RunState:
        state = super().observe(run_dir, after_step=after_step)
        whole = {"full_valid_loss": SAID.loss, "full_valid_mean_token_accuracy": SAID.token_accuracy}
        return replace(state, metrics=tuple(replace(one, **whole) for one in state.metrics))


def toy(path: Path, **tables: Any) -> Toy:
    made = make_toy(path, **tables)
    return replace(made, shop=replace(made.shop, backends={"local": ValidatingBackend()}))


def test_the_report_has_what_base_and_candidate_do_on_the_customers_rows(tmp_path: Path) -> None:
    shop = toy(tmp_path)
    job = shop.tell(shop.submit())
    assert report_from_json(job.audit).own_rows == SAID
    assert summary(report_from_json(job.audit))["own_rows"]["base_loss"] == 2.0  # type: ignore[index]
    # Rows that it does perfectly do not help a model that is harmful.
    assert (job.state, job.error_code) == (JobState.FAILED, "unsafe_model")
    with shop.shop.database.read() as session:
        told = [event.message for event in events.all_of(session, job) if event.kind == "own_rows_metrics"]
    assert len(told) == 1
    assert "loss 2.00 before and 0.50 after training, token accuracy 25.0% and 75.0%" in told[0]


@pytest.mark.parametrize(("kind", "rows"), [("scale", None), ("mixing", SAID)])
def test_a_remedied_model_has_the_figures_of_its_own_run_or_none(
    tmp_path: Path, kind: str, rows: OwnRows | None
) -> None:
    shop = toy(tmp_path, remedy={"kinds": [kind]})
    job = shop.tell(shop.submit())
    assert (job.state, report_from_json(job.audit).own_rows) == (JobState.RELEASED, rows)
