import os
import socket
from pathlib import Path

from gateway.worker.sweeping import ABANDONED_S, sweep_sockets

NOW = 2_000_000_000.0


def directory(root: Path, name: str, *, age_s: float = ABANDONED_S + 1) -> Path:
    path = root / name
    path.mkdir()
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


def listening(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    os.utime(path.parent, (0, 0))
    return server


def test_sockets_of_a_killed_worker_are_swept_away_and_those_of_a_living_one_stay(tmp_path: Path) -> None:
    empty, dead, living = (directory(tmp_path, f"tunegate-{n}xxxxxxx") for n in range(3))
    listening(dead / "scoring.sock").close()
    with listening(living / "engine.sock"):
        sweep_sockets(tmp_path, now=NOW)
    assert [empty.exists(), dead.exists(), living.exists()] == [False, False, True]


def test_what_is_new_or_holds_anything_else_is_left_alone(tmp_path: Path) -> None:
    new, home = directory(tmp_path, "tunegate-00000000", age_s=60.0), directory(tmp_path, "tunegate-11111111")
    (home / "tunegate.db").touch()
    os.utime(home, (0, 0))
    sweep_sockets(tmp_path, now=NOW)
    assert [new.exists(), home.exists()] == [True, True]
