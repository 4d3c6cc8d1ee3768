"""Memory that runs out, and GPUs that are gone: the run goes on with less, or says what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import Trainer

from trainers.errors import TrainingFailed
from trainers.recipe import ranks, weights
from trainers.recipe.memory import micro_batch
from trainers.recipe.run import run
from trainers.results import memory_message
from trainers.run_directory import RunDirectory
from trainers.types import LoraSpec, TrainingSpec

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

Train = Callable[..., RunDirectory]
Make = Callable[..., TrainingSpec]


def short_of_memory(monkeypatch: pytest.MonkeyPatch, directory: Path, *, room_for: int) -> None:
    """Have steps of more than `room_for` examples at once fail as CUDA's allocator does."""
    real = Trainer.training_step

    def step(self: Trainer, *args: object, **named: object) -> torch.Tensor:
        if RunDirectory(root=directory).micro_batch()[0] > room_for:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, *args, **named)

    monkeypatch.setattr(Trainer, "training_step", step)


def test_a_run_out_of_memory_goes_on_with_fewer_examples_at_once_and_the_same_steps(
    train: Train, make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(make_spec(n_epochs=1), name="whole")
    assert memory_message(whole.root) is None
    short_of_memory(monkeypatch, tmp_path / "run", room_for=1)
    short = train(make_spec(n_epochs=1))
    assert not short.finished
    assert [run(short.root), run(short.root)] == [True, False]
    expected = [(m.step, pytest.approx(m.train_loss, rel=1e-3)) for m in whole.metrics()]
    assert [(m.step, m.train_loss) for m in short.metrics()] == expected
    assert "goes on with 1 examples at once and the same batch size" in str(memory_message(short.root))


def test_a_single_example_that_does_not_fit_fails_the_run(
    train: Train, make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, tmp_path / "run", room_for=0)
    directory = train(make_spec(n_epochs=1))
    while run(directory.root):
        pass
    failure = directory.failure()
    assert failure is not None
    assert (failure.code, "one example at a time" in failure.message) == ("out_of_memory", True)


def test_weights_that_fit_no_more_end_the_run_however_few_examples_are_left(
    train: Train, make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(weights, "starting_point", full)
    directory = RunDirectory(root=tmp_path / "run")
    order = train(make_spec(), name="first").order()
    assert order is not None
    directory.root.mkdir()
    directory.accept(order)
    directory.write_micro_batch(4)
    assert [directory.shrink(), run(directory.root), run(directory.root)] == [2, True, False]
    assert str(directory.failure()).count("out_of_memory") == 1


def test_examples_at_once_divide_the_share_of_a_process_and_keep_to_the_budget(tmp_path: Path) -> None:
    directory = RunDirectory(root=tmp_path)
    assert micro_batch(directory, 8, 100) == 8
    assert micro_batch(directory, 8, 100, n_processes=2) == 4
    assert micro_batch(directory, 8, 3_000) == 2
    assert micro_batch(directory, 7, 3_000) == 1
    directory.write_micro_batch(8)
    # Processes of one run that ran out of memory at the same step halve once, not once each.
    assert (directory.shrink(), directory.shrink(), micro_batch(directory, 8, 100)) == (4, 4, 4)
    directory.write_micro_batch(1)
    assert directory.shrink() is None
    with pytest.raises(ValueError, match="cannot be shared by 3"):
        micro_batch(directory, 8, 100, n_processes=3)


def test_a_gpu_that_is_gone_is_looked_for_again_and_then_fails_the_run(
    train: Train, make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ranks.GPUS, "2")
    with pytest.raises(SystemExit, match="gpu_lost"):
        train(make_spec())
    directory = RunDirectory(root=tmp_path / "run")
    assert not directory.finished
    directory.deaths_file.write_text("0\n0\n")
    run(directory.root)
    failure = directory.failure()
    assert failure is not None
    assert (failure.code, "0 of the run's 2 GPUs" in failure.message) == ("gpu_lost", True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what is missing where there is no GPU")
def test_four_bits_without_a_gpu_are_refused_with_what_to_do(make_spec: Make, base_path: Path) -> None:
    with pytest.raises(TrainingFailed, match="needs a GPU and the package bitsandbytes"):
        weights.load_model(base_path, make_spec(lora=LoraSpec(quantised=True)))
