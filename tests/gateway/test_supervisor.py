import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.children import hold
from gateway.cli.screening import KEYS
from gateway.compose.store import signing_key
from gateway.errors import SettingsError
from gateway.settings import Settings
from gateway.supervisor import Supervisor, serve

PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child!r}, str(os.getpid())], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline().strip(), flush=True)
child.wait()
"""
CHILD = """
import os, sys, time
from gateway.children import die_with
die_with(int(sys.argv[1]))
print(os.getpid(), flush=True)
time.sleep(60)
"""


def settings(home: Path, **variables: str) -> Settings:
    return Settings.read({"TUNEGATE_HOME": str(home), **variables})


def test_child_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(child=CHILD)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}/stat").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()


def test_second_server_of_a_home_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.children.LOCK_PATIENCE_S", 0.2)
    with hold(tmp_path / "serve.lock", "serving", "wait"), pytest.raises(SettingsError, match="already"):
        hold(tmp_path / "serve.lock", "serving from this home", "wait")


def test_port_in_use_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(SettingsError, match="choose another --host or --port"):
            serve(settings(tmp_path, TUNEGATE_PORT=port), {}, print)


@pytest.mark.parametrize(("api_only", "expected"), [(True, ["API"]), (False, ["API", "worker"])])
def test_a_worker_is_started_unless_it_runs_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api_only: bool, expected: list[str]
) -> None:
    started: list[str] = []

    def run(supervisor: Supervisor) -> int:
        started.extend(child.name for child in supervisor.children)
        supervisor.listener.close()
        return 0

    monkeypatch.setattr(Supervisor, "run", run)
    assert serve(settings(tmp_path, TUNEGATE_PORT="0"), {}, print, api_only=api_only) == 0
    assert started == expected


def test_signing_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = signing_key(settings(tmp_path))
    assert signing_key(settings(tmp_path)) == key
    assert (tmp_path / "attestation.key").stat().st_mode & 0o077 == 0


def test_damaged_signing_key_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "attestation.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="restore it"):
        signing_key(settings(tmp_path))


def test_screen_prints_the_keys_of_its_contract() -> None:
    expected = "verdict examples flagged_lines findings contexts candidate_triggers policy_digest"
    assert " ".join(KEYS) == f"{expected} reasons coverage dropped_lines redactions"
