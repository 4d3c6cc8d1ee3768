"""Training curves go where they were asked for, without a network, and stop no job."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.reporting import numbers, reporters, wandb_mode
from gateway.store.models import Job
from trainers.types import StepMetrics

STEPS = [
    StepMetrics(step=step, total_steps=2, train_loss=1.0 / step, train_mean_token_accuracy=0.5, valid_loss=None)
    for step in (1, 2)
]


def job_with(integrations: list[dict[str, Any]] | None) -> Job:
    values = {"id": "ftjob-1", "model": "miniature", "method": "supervised", "seed": 1, "hyperparameters": None}
    return cast(Job, SimpleNamespace(**values, integrations=integrations))


def test_nothing_is_reported_unless_it_is_switched_on(tmp_path: Path) -> None:
    assert reporters({}, {}, tmp_path) == ()
    assert wandb_mode({"mode": "online", "api_key": "k"}) == "online"
    assert numbers(STEPS[0]) == {"step": 1, "total_steps": 2, "train_loss": 1.0, "train_mean_token_accuracy": 0.5}


@pytest.mark.parametrize(
    ("config", "variable"), [({"mode": "loud"}, "TUNEGATE_WANDB_MODE"), ({"mode": "online"}, "TUNEGATE_WANDB_API_KEY")]
)
def test_a_wrong_setting_is_named(config: dict[str, str], variable: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=variable):
        reporters(config, {}, tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_event_files_hold_each_curve(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (curves,) = reporters({}, {"dir": str(tmp_path)}, tmp_path)
    curves.tell(job_with(None), STEPS)
    curves.end(job_with(None))
    read = EventAccumulator(str(tmp_path / "ftjob-1")).Reload()
    assert [(e.step, e.value) for e in read.Scalars("train_loss")] == [(1, 1.0), (2, 0.5)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_an_offline_run_is_kept_for_the_project_that_the_job_names(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    (runs,) = reporters({"mode": "offline"}, {}, tmp_path)
    runs.tell(job_with(None), STEPS)
    assert not (tmp_path / "wandb").exists()
    job = job_with([{"type": "wandb", "wandb": {"project": "mine", "tags": ["t"]}}])
    runs.tell(job, STEPS)
    runs.tell(job, STEPS)
    runs.end(job)
    (kept,) = (tmp_path / "wandb").rglob("*.wandb")
    assert "ftjob-1" in kept.name


class Failing:
    """A package of which one verb fails; it counts what was tried."""

    class Error(Exception):
        """Its own."""

    def __init__(self, verb: str, error: type[Exception]) -> None:
        self._verb, self._error = verb, error
        self.tried: list[str] = []

    def __getattr__(self, verb: str) -> Any:
        def act(*args: object, **named: object) -> Any:
            self.tried.append(verb)
            if verb == self._verb:
                raise self._error
            return self

        return act


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        ("login", ValueError),
        ("init", Failing.Error),
        ("log", Failing.Error),
        ("finish", OSError),
        ("SummaryWriter", PermissionError),
        ("flush", RuntimeError),
        ("close", OSError),
    ],
)
def test_a_curve_that_cannot_be_written_stops_no_job_and_is_tried_once(
    verb: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Failing(verb, error)
    monkeypatch.setattr("importlib.import_module", lambda name: package)
    wandb = {"mode": "online", "api_key": "k"} if verb in ("login", "init", "log", "finish") else {}
    (curves,) = reporters(wandb, {} if wandb else {"dir": str(tmp_path)}, tmp_path)
    job = job_with([{"type": "wandb", "wandb": {"project": "mine"}}])
    for step in STEPS:
        curves.tell(job, [step])
    curves.end(job)
    assert package.tried.count(verb) == 1
