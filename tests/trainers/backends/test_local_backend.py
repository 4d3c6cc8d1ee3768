"""The local backend with real trainers: started, watched, killed, resumed, cancelled.

Each start imports torch and TRL, which takes most of a test's time; so few runs serve many claims.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from moderation.types import TrainingSet
from trainers.backends.local import LocalBackend, create
from trainers.devices import GIB, Gpu
from trainers.environment import child_environment
from trainers.errors import TrainingFailed
from trainers.recipe import run as recipe
from trainers.run_directory import Order, RunDirectory
from trainers.run_lock import take
from trainers.types import BaseModel, RunState, RunStatus, StepMetrics, TrainingSpec, Tuning

DEADLINE_S = 300.0


@pytest.fixture
def backend() -> Iterator[LocalBackend]:
    backend = create({})
    yield backend
    backend.close()


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(root=tmp_path / "run")


def one_gpu(locks: Path) -> LocalBackend:
    """A machine with one GPU, whose trainers die at once."""
    gpu = Gpu(index="0", uuid="GPU-0", memory_bytes=80 * GIB)
    return LocalBackend(environment={"PYTHONHOME": "/nowhere"}, gpus=[gpu], locks=locks)


def wait(backend: LocalBackend, run: RunDirectory, until: Callable[[RunState], bool]) -> RunState:
    deadline = time.monotonic() + DEADLINE_S
    while not until(state := backend.observe(str(run.root), after_step=0)):
        assert time.monotonic() < deadline, run.log_file.read_text()
        time.sleep(0.02)
    return state


def ended(state: RunState) -> bool:
    return state.status is not RunStatus.RUNNING


def is_training(run: RunDirectory) -> bool:
    lock = take(run.lock_file)
    if lock is not None:
        os.close(lock)
    return lock is None


def kill_trainer(run: RunDirectory) -> None:
    os.kill(int(run.lock_file.read_text()), signal.SIGKILL)
    while is_training(run):
        time.sleep(0.01)


# The reference runs in this process, where trl and peft read names that transformers has renamed.
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_killed_run_resumes_to_the_bytes_of_one_that_was_not(
    backend: LocalBackend, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    spec = make_spec(Tuning.FULL, n_epochs=16)
    whole, killed = RunDirectory(root=tmp_path / "whole"), RunDirectory(root=tmp_path / "killed")
    backend.start(spec, training, None, str(killed.root))
    # Another backend, as after a restart, finds the trainer that lives and starts no second one.
    create({}).start(spec, training, None, str(killed.root))
    wait(backend, killed, lambda state: any(killed.checkpoints.glob("*/complete")) or ended(state))
    kill_trainer(killed)
    state = wait(backend, killed, ended)
    assert state.status is RunStatus.SUCCEEDED
    assert killed.log_file.read_text().count("from None") == killed.log_file.read_text().count("from checkpoint-") == 1
    shutil.copytree(killed.root, whole.root, ignore=lambda *_: {*os.listdir(killed.root)} - {"spec.json"})
    recipe.run(whole.root)
    assert whole.metrics() == state.metrics
    assert [metrics.step for metrics in state.metrics] == list(range(1, 81))
    assert backend.collect(str(killed.root)).digest == whole.result()


def test_a_trainer_dies_with_the_process_that_started_it(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, run: RunDirectory, tmp_path: Path
) -> None:
    order = Order(spec=make_spec(), training_path=training.path, training_digest=training.digest, validation_path=None)
    RunDirectory(root=tmp_path).write_text("spec.json", order.to_json())
    script = Path(__file__).with_name("trainer_parent.py")
    command = [sys.executable, str(script), str(tmp_path), str(run.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.getcwd()}) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        assert is_training(run)
        parent.kill()
    deadline = time.monotonic() + 10
    while is_training(run):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not run.finished


def test_a_trainer_that_dies_three_times_at_a_step_fails_the_run(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, run: RunDirectory
) -> None:
    broken = LocalBackend(environment={"PYTHONHOME": "/nowhere"})
    broken.start(make_spec(), training, None, str(run.root))
    state = wait(broken, run, ended)
    assert state.failure is not None
    assert state.failure.code == "training_crashed"
    assert "died 3 times after step 0, last with exit status 1" in state.failure.message
    with pytest.raises(TrainingFailed) as failed:
        broken.collect(str(run.root))
    assert failed.value.code == "training_crashed"


@pytest.mark.slow
def test_a_trainer_out_of_memory_starts_itself_anew_with_half_as_many_examples(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, run: RunDirectory
) -> None:
    told = {"PYTHONPATH": str(Path(__file__).parents[1] / "recipe" / "scarce_memory")}
    backend = LocalBackend(environment=child_environment(os.environ) | told)
    backend.start(make_spec(n_epochs=1), training, None, str(run.root))
    pid = run.lock_file.read_text()
    assert wait(backend, run, ended).status is RunStatus.SUCCEEDED
    backend.close()
    assert (run.micro_batch(), run.deaths_file.exists(), run.lock_file.read_text()) == ((1, True), False, pid)
    assert run.log_file.read_text().count("out of memory; again with") == 2


def test_the_last_attempt_after_a_killing_kernel_asks_for_half_the_memory(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, run: RunDirectory, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os; os.kill(os.getpid(), 9)")
    killed = LocalBackend(environment={"PYTHONPATH": str(tmp_path)})
    run.root.mkdir()
    run.write_micro_batch(4)
    killed.start(make_spec(), training, None, str(run.root))
    sizes = [(run.n_deaths(), *run.micro_batch())]
    wait(killed, run, lambda state: bool(sizes.append((run.n_deaths(), *run.micro_batch()))) or ended(state))
    assert sorted(set(sizes)) == [(0, 4, False), (1, 4, False), (2, 2, True), (3, 2, True)]
    assert "last with signal 9" in str(run.failure())


def test_a_base_that_is_gone_fails_the_run(
    backend: LocalBackend,
    make_spec: Callable[..., TrainingSpec],
    base: BaseModel,
    training: TrainingSet,
    run: RunDirectory,
) -> None:
    backend.start(make_spec(base=replace(base, source="/nowhere")), training, None, str(run.root))
    failure = backend.observe(str(run.root), after_step=0).failure
    assert failure is not None
    assert failure.code == "base_model_unusable"


def test_a_trainer_sees_none_of_the_gateways_secrets() -> None:
    environment = child_environment({"PATH": "/bin", "OPENAI_API_KEY": "k", "TUNEGATE_SECRET": "s"})
    assert environment["PATH"] == "/bin"
    assert {"OPENAI_API_KEY", "TUNEGATE_SECRET"}.isdisjoint(environment)


@pytest.mark.parametrize("config", [{"devices": "99"}, {"gpus_per_run": "none"}, {"gpus_per_run": "0"}])
def test_a_wrong_setting_is_named(config: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f"TUNEGATE_LOCAL_{next(iter(config)).upper()}"):
        create(config)


@pytest.mark.parametrize("is_swept", [False, True])
def test_a_run_waits_for_its_gpu_and_cancelling_ends_the_wait(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path, is_swept: bool
) -> None:
    backend, held = one_gpu(tmp_path), take(tmp_path / "GPU-0.lock")
    runs = [RunDirectory(root=tmp_path / name) for name in ("first", "second")]
    for waiting in runs:
        backend.start(make_spec(), training, None, str(waiting.root))
        assert backend.observe(str(waiting.root), after_step=0).status is RunStatus.RUNNING
        assert not waiting.log_file.exists()
    assert held is not None
    os.close(held)
    backend.cancel(str(runs[0].root))
    if is_swept:  # as a job's scratch files are, at once
        shutil.rmtree(runs[0].root)
    backend.observe(str(runs[1].root), after_step=0)
    assert runs[1].log_file.exists()
    backend.close()


def test_a_trainer_that_cannot_be_started_leaves_its_gpu_free(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    backend, run = one_gpu(tmp_path), RunDirectory(root=tmp_path / "run")
    run.log_file.mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        backend.start(make_spec(), training, None, str(run.root))
    assert not is_training(run)
    run.log_file.rmdir()
    backend.observe(str(run.root), after_step=0)
    assert run.log_file.exists()
    backend.close()


def test_a_model_that_no_gpu_holds_fails_with_what_to_do(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    small = [Gpu(index="0", uuid="GPU-0", memory_bytes=1 * GIB)]
    backend = LocalBackend(environment={}, gpus=small, locks=tmp_path / "locks")
    backend.start(make_spec(), training, None, str(tmp_path / "run"))
    failure = backend.observe(str(tmp_path / "run"), after_step=0).failure
    assert failure is not None
    assert (failure.code, "smaller base model" in failure.message) == ("model_too_large", True)


def test_a_step_between_two_deaths_begins_their_count_anew(run: RunDirectory) -> None:
    run.root.mkdir()
    run.note_deaths(2)
    assert run.n_deaths() == 2
    metrics = StepMetrics(step=1, total_steps=9, train_loss=1.0, train_mean_token_accuracy=0.5)
    run.metrics_file.write_text(json.dumps(asdict(metrics)) + "\n")
    run.note_deaths()
    assert run.n_deaths() == 1
