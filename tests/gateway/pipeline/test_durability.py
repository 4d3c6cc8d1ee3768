import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dbos._utils import retriable_postgres_exception
from servers import Postgres
from sqlalchemy.exc import OperationalError

from gateway.pipeline.durability import JsonValues, StepError, patient_engine

WORKER = Path(__file__).parent / "toy_worker.py"
STORY = ["screen ftjob-1", "inject ftjob-1", "train ftjob-1 made-inject", "audit ftjob-1 made-train"]
STORY += ["settle ftjob-1 made-train"]


def start(home: Path, *args: str) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[3])
    return subprocess.Popen([sys.executable, str(WORKER), str(home), *args], env=os.environ | {"PYTHONPATH": root})


def kill_when(home: Path, worker: subprocess.Popen[bytes], line: str) -> None:
    deadline = time.monotonic() + 120
    while line not in ((home / "log").read_text() if (home / "log").exists() else ""):
        assert time.monotonic() < deadline, f"the worker never wrote {line!r}"
        time.sleep(0.02)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()


def ends(home: Path) -> list[str]:
    return [line[4:] for line in (home / "log").read_text().splitlines() if line.startswith("end ")]


def test_killed_worker_goes_on_in_the_stage_it_was_in(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/system.db"
    kill_when(tmp_path, start(tmp_path, url, "w1"), "begin train")
    assert start(tmp_path, url, "w1").wait(timeout=120) == 0
    assert ends(tmp_path) == STORY


def test_dead_workers_job_is_taken_over_by_another_on_postgres(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.create()
    kill_when(tmp_path, start(tmp_path, url, "w1"), "begin audit")
    assert start(tmp_path, url, "w2", "w1").wait(timeout=120) == 0
    assert ends(tmp_path) == STORY


def test_a_postgres_whose_socket_is_gone_is_waited_for(tmp_path: Path) -> None:
    engine = patient_engine(f"postgresql://u@/x?host={tmp_path}")
    assert engine is not None
    with pytest.raises(OperationalError) as caught:
        engine.connect()
    assert retriable_postgres_exception(caught.value)


@pytest.mark.parametrize("value", [None, "text", 1.5, {"a": [1, {"b": None}]}])
def test_step_values_survive_as_json(value: object) -> None:
    assert JsonValues().deserialize(JsonValues().serialize(value)) == value


def test_exception_survives_as_words_only() -> None:
    back = JsonValues().deserialize(JsonValues().serialize(ValueError("no")))
    assert isinstance(back, StepError)
    assert str(back) == "ValueError: no"
