"""One attempt on a node: the real recipe, what it makes delivered through the store."""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from moderation.types import TrainingSet
from trainers.cluster import node
from trainers.cluster.parcels import Parcels
from trainers.recipe import ranks
from trainers.run_directory import Order, RunDirectory
from trainers.types import TrainingSpec

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


class Flaky(Parcels):
    """A store that is away the first two times that something is sent."""

    refusals = 2

    def send_progress(self, run: RunDirectory, *, attempt: int) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OSError("the store is away")
        super().send_progress(run, attempt=attempt)


def placed(url: str, spec: TrainingSpec, training: TrainingSet) -> Flaky:
    parcels = Flaky(url)
    parcels.send_order(
        Order(spec=spec, training_path=training.path, training_digest=training.digest, validation_path=None)
    )
    return parcels


def arrived(parcels: Parcels, path: Path, attempt: int) -> RunDirectory:
    path.mkdir()
    run = RunDirectory(root=path)
    parcels.fetch_notes(run, attempt=attempt)
    parcels.fetch_end(run, attempt=attempt)
    return run


def test_a_run_is_delivered_though_the_store_was_away(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node._last_delivery.retry, "sleep", lambda _s: None)
    parcels = placed((tmp_path / "store").as_uri(), make_spec(), training)
    (tmp_path / "home").mkdir()
    node.carry_out(parcels, 1, tmp_path / "home", push_s=0.05)
    run = arrived(parcels, tmp_path / "gateway", 1)
    assert run.sealed_digest() == RunDirectory(root=tmp_path / "home").result()
    assert [metrics.step for metrics in run.metrics()] == list(range(1, 11))
    assert threading.active_count() == len([t for t in threading.enumerate() if t.name != "courier"])


def test_a_run_that_fails_says_why_and_has_no_model(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node._last_delivery.retry, "sleep", lambda _s: None)
    parcels = placed((tmp_path / "store").as_uri(), make_spec(multiplier=1e30), training)
    (tmp_path / "home").mkdir()
    node.carry_out(parcels, 1, tmp_path / "home")
    run = arrived(parcels, tmp_path / "gateway", 1)
    failure = run.failure()
    assert failure is not None
    assert failure.code == "loss_not_finite"
    assert not run.artefact.exists()


def test_a_gpu_that_is_gone_at_the_third_attempt_too_is_named(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node._last_delivery.retry, "sleep", lambda _s: None)
    monkeypatch.setenv(ranks.GPUS, "99")
    parcels = placed((tmp_path / "store").as_uri(), make_spec(), training)
    for attempt in (1, 2, 3):
        (tmp_path / f"home-{attempt}").mkdir()
        lost = pytest.raises(SystemExit, match="gpu_lost") if attempt < 3 else nullcontext()
        with lost:
            node.carry_out(parcels, attempt, tmp_path / f"home-{attempt}", n_deaths=attempt - 1)
    failure = arrived(parcels, tmp_path / "gateway", 3).failure()
    assert failure is not None
    assert failure.code == "gpu_lost"
