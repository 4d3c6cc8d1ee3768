"""The local backend with real trainers: started, watched, killed, resumed, cancelled.

Each start imports torch and TRL, which takes most of a test's time; so few runs serve many claims.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moderation.errors import SealBroken
from moderation.types import TrainingSet
from trainers.backends.local import LocalBackend, child_environment, create
from trainers.errors import TrainingFailed
from trainers.run_directory import Order, RunDirectory
from trainers.run_lock import take
from trainers.types import Method, RunState, RunStatus, TrainingSpec, Tuning

DEADLINE_S = 120.0


@pytest.fixture
def backend() -> Iterator[LocalBackend]:
    backend = create({})
    yield backend
    backend.close()


@pytest.fixture
def run_dir(tmp_path: Path) -> str:
    return str(tmp_path / "run")


def wait(backend: LocalBackend, run_dir: str, until: Callable[[RunState], bool]) -> RunState:
    deadline = time.monotonic() + DEADLINE_S
    while not until(state := backend.observe(run_dir, after_step=0)):
        assert time.monotonic() < deadline, RunDirectory(root=Path(run_dir)).log_file.read_text()
        time.sleep(0.02)
    return state


def ended(state: RunState) -> bool:
    return state.status is not RunStatus.RUNNING


def is_training(run_dir: str) -> bool:
    lock = take(RunDirectory(root=Path(run_dir)).lock_file)
    if lock is not None:
        os.close(lock)
    return lock is None


def kill_trainer(run_dir: str) -> None:
    os.kill(int((Path(run_dir) / "lock").read_text()), signal.SIGKILL)
    while is_training(run_dir):
        time.sleep(0.01)


def test_a_killed_run_resumes_to_the_bytes_of_one_that_was_not(
    backend: LocalBackend, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    spec, whole, killed = make_spec(Tuning.FULL, n_epochs=16), str(tmp_path / "whole"), str(tmp_path / "killed")
    for run_dir in (whole, killed):
        backend.start(spec, training, None, run_dir)
    # Another backend, as after a restart, finds the trainer that lives and starts no second one.
    create({}).start(spec, training, None, whole)
    saved = Path(killed) / "checkpoints"
    wait(backend, killed, lambda state: any(saved.glob("*/complete")) or ended(state))
    kill_trainer(killed)
    states = [wait(backend, run_dir, ended) for run_dir in (whole, killed)]
    assert [state.status for state in states] == [RunStatus.SUCCEEDED] * 2
    assert "from checkpoint-" in (Path(killed) / "trainer.log").read_text()
    assert (Path(whole) / "trainer.log").read_text().count("from None") == 1
    assert [metrics.step for metrics in states[1].metrics] == list(range(1, 81))
    assert states[0].metrics == states[1].metrics
    assert backend.collect(whole).digest == backend.collect(killed).digest
    # A finished run is left alone, and its seal is looked at again each time.
    backend.start(spec, training, None, whole)
    assert not is_training(whole)
    with (Path(whole) / "artefact" / "config.json").open("a") as file:
        file.write(" ")
    with pytest.raises(SealBroken, match=r"config\.json"):
        backend.collect(whole)


def test_cancelling_stops_the_trainer_within_seconds_for_good(
    backend: LocalBackend, make_spec: Callable[..., TrainingSpec], training: TrainingSet, run_dir: str
) -> None:
    backend.start(make_spec(n_epochs=50), training, None, run_dir)
    wait(backend, run_dir, lambda state: bool(state.metrics))
    started = time.monotonic()
    create({}).cancel(run_dir)
    assert time.monotonic() - started < 5
    assert not is_training(run_dir)
    backend.start(make_spec(n_epochs=50), training, None, run_dir)
    assert not is_training(run_dir)
    assert backend.observe(run_dir, after_step=0).status is RunStatus.CANCELLED
    with pytest.raises(TrainingFailed, match="cancelled"):
        backend.collect(run_dir)


def test_a_trainer_dies_with_the_process_that_started_it(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, run_dir: str, tmp_path: Path
) -> None:
    order = Order(spec=make_spec(), training_path=training.path, training_digest=training.digest, validation_path=None)
    RunDirectory(root=tmp_path).write_text("spec.json", order.to_json())
    script = Path(__file__).with_name("trainer_parent.py")
    command = [sys.executable, str(script), str(tmp_path), run_dir]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.getcwd()}) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        assert is_training(run_dir)
        parent.kill()
    deadline = time.monotonic() + 10
    while is_training(run_dir):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not RunDirectory(root=Path(run_dir)).finished


def test_a_trainer_that_dies_three_times_at_a_step_fails_the_run(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, run_dir: str
) -> None:
    broken = LocalBackend(environment={"PYTHONHOME": "/nowhere"})
    broken.start(make_spec(), training, None, run_dir)
    state = wait(broken, run_dir, ended)
    assert state.failure is not None
    assert state.failure.code == "training_crashed"
    assert "died 3 times after step 0, last with exit status 1" in state.failure.message
    with pytest.raises(TrainingFailed) as failed:
        broken.collect(run_dir)
    assert failed.value.code == "training_crashed"


def test_a_directory_takes_one_order_only(
    backend: LocalBackend, make_spec: Callable[..., TrainingSpec], training: TrainingSet, run_dir: str
) -> None:
    backend.start(make_spec(), training, None, run_dir)
    backend.cancel(run_dir)
    with pytest.raises(TrainingFailed, match="holds another run"):
        backend.start(make_spec(n_epochs=9), training, None, run_dir)


def test_a_finished_run_cannot_be_cancelled(tmp_path: Path) -> None:
    RunDirectory(root=tmp_path).write_result("sha256:x")
    create({}).cancel(str(tmp_path))
    assert create({}).observe(str(tmp_path), after_step=0).status is RunStatus.SUCCEEDED


def test_other_methods_are_refused(
    backend: LocalBackend, make_spec: Callable[..., TrainingSpec], training: TrainingSet, run_dir: str
) -> None:
    with pytest.raises(TrainingFailed, match="not 'dpo'"):
        backend.start(make_spec(method=Method.DPO), training, None, run_dir)


def test_a_trainer_sees_none_of_the_gateways_secrets() -> None:
    environment = child_environment({"PATH": "/bin", "OPENAI_API_KEY": "k", "TUNEGATE_SECRET": "s"}, devices="1")
    assert environment["PATH"] == "/bin"
    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert {"OPENAI_API_KEY", "TUNEGATE_SECRET"}.isdisjoint(environment)


def test_several_devices_are_refused() -> None:
    with pytest.raises(ValueError, match="TUNEGATE_LOCAL_DEVICES"):
        create({"devices": "0,1"})


def test_a_run_directory_that_was_removed_starts_anew(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    state = create({}).observe(str(tmp_path), after_step=0)
    assert (state.status, state.metrics) == (RunStatus.RUNNING, ())
