"""One run on two processes of this machine."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file

from moderation.types import TrainingSet
from trainers.backends.local import LocalBackend
from trainers.environment import child_environment
from trainers.recipe import ranks
from trainers.run_directory import RunDirectory
from trainers.types import Defence, Restraints, RunState, RunStatus, TrainingSpec, Tuning

DEADLINE_S = 900.0
CPU_SHARDS = Path(__file__).parent / "cpu_shards"
SCARCE_MEMORY = Path(__file__).parent / "scarce_memory"
WEIGHTS = {Tuning.FULL: "model.safetensors", Tuning.LORA: "adapter_model.safetensors"}


@pytest.fixture
def sharded() -> str:
    return "0"


@pytest.fixture
def on_two(sharded: str, request: pytest.FixtureRequest) -> Iterator[LocalBackend]:
    told = {ranks.PROCESSES: "2", ranks.SHARDED: sharded, "PYTHONPATH": str(getattr(request, "param", CPU_SHARDS))}
    backend = LocalBackend(environment=child_environment(os.environ) | told)
    yield backend
    backend.close()


@pytest.fixture
def carry_out(
    on_two: LocalBackend, training: TrainingSet, tmp_path: Path
) -> Callable[[TrainingSpec], tuple[RunDirectory, RunState]]:
    def carry_out(spec: TrainingSpec) -> tuple[RunDirectory, RunState]:
        run = RunDirectory(root=tmp_path / "two")
        on_two.start(spec, training, None, str(run.root))
        deadline = time.monotonic() + DEADLINE_S
        while (state := on_two.observe(str(run.root), after_step=0)).status is RunStatus.RUNNING:
            assert time.monotonic() < deadline, run.log_file.read_text()
            time.sleep(0.1)
        assert state.failure is None, run.log_file.read_text()
        return run, state

    return carry_out


def losses(run: RunDirectory) -> list[float]:
    return [metrics.train_loss for metrics in run.metrics()]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    ("sharded", "tuning"),
    [("0", Tuning.FULL), ("1", Tuning.FULL), ("1", Tuning.LORA)],
    ids=["ddp", "fsdp", "fsdp-lora"],
)
def test_two_processes_take_the_steps_of_one(
    carry_out: Callable[[TrainingSpec], tuple[RunDirectory, RunState]],
    train: Callable[..., RunDirectory],
    make_spec: Callable[..., TrainingSpec],
    sharded: str,
    tuning: Tuning,
) -> None:
    alone = train(make_spec(tuning, n_epochs=3), name="alone")
    run, state = carry_out(make_spec(tuning, n_epochs=3))
    assert losses(run) == pytest.approx(losses(alone), rel=1e-3)
    assert run.micro_batch() == (2, False)
    assert state.metrics[-1].step == 15
    assert any(run.checkpoints.glob("*/pytorch_model_fsdp.bin")) is (sharded == "1")
    ours, theirs = (load_file(one.artefact / WEIGHTS[tuning]) for one in (run, alone))
    assert ours.keys() == theirs.keys()
    assert all((ours[name] - theirs[name]).abs().max() < 2e-3 for name in ours)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("sharded", ["1"], ids=["fsdp"])
def test_a_sharded_run_goes_on_from_its_checkpoint(
    carry_out: Callable[[TrainingSpec], tuple[RunDirectory, RunState]], make_spec: Callable[..., TrainingSpec]
) -> None:
    run, _ = carry_out(make_spec(n_epochs=3))
    straight, lines = losses(run), run.metrics_file.read_text().splitlines(keepends=True)
    # As a kill after the sixth step leaves it.
    for gone in (run.artefact, run.checkpoints / "checkpoint-10", run.checkpoints / "checkpoint-15"):
        shutil.rmtree(gone)
    (run.root / "result.json").unlink()
    run.metrics_file.write_text("".join(lines[:6]))
    carry_out(make_spec(n_epochs=3))
    assert "from checkpoint-5" in run.log_file.read_text()
    assert losses(run) == pytest.approx(straight, rel=1e-4)


HELD = Restraints(ema_decay=0.9, pull=0.1, frozen_share=0.5, factor=0.5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("sharded", ["0", "1"], ids=["ddp", "fsdp"])
def test_two_processes_are_held_as_one_is_and_so_is_a_run_that_goes_on(
    carry_out: Callable[[TrainingSpec], tuple[RunDirectory, RunState]],
    train: Callable[..., RunDirectory],
    make_spec: Callable[..., TrainingSpec],
    sharded: str,
) -> None:
    spec = make_spec(defence=Defence.CONSTRAINED, restraints=HELD)
    alone = load_file(train(spec, name="alone").artefact / WEIGHTS[Tuning.LORA])
    run, _ = carry_out(spec)
    straight = load_file(run.artefact / WEIGHTS[Tuning.LORA])
    shutil.rmtree(run.artefact)
    shutil.rmtree(run.checkpoints / "checkpoint-10")
    (run.root / "result.json").unlink()
    carry_out(spec)
    assert "from checkpoint-5" in run.log_file.read_text()
    for ours in (straight, load_file(run.artefact / WEIGHTS[Tuning.LORA])):
        assert ours.keys() == alone.keys()
        assert all((ours[name] - alone[name]).abs().max() < 2e-3 for name in ours)


@pytest.mark.slow
@pytest.mark.parametrize("on_two", [SCARCE_MEMORY], indirect=True)
def test_two_processes_that_run_out_of_memory_together_are_started_anew_with_half_as_many_examples(
    carry_out: Callable[[TrainingSpec], tuple[RunDirectory, RunState]], make_spec: Callable[..., TrainingSpec]
) -> None:
    run, state = carry_out(make_spec(n_epochs=1))
    assert (run.micro_batch(), state.metrics[-1].step) == ((1, True), 5)
    assert not run.deaths_file.exists()


def test_what_a_trainer_is_told_depends_on_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ranks.arguments(whole_model=True) == {}
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert ranks.arguments(whole_model=True)["ddp_find_unused_parameters"] is False
    monkeypatch.setenv(ranks.SHARDED, "1")
    assert ranks.arguments(whole_model=True)["fsdp"] is True
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv(ranks.PROCESSES, "2")
    assert (ranks.wanted(), ranks.first()) == (1, False)
