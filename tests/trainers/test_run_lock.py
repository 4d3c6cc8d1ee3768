"""Who holds a run is known by the lock, never by a number that a stranger may have by now."""

import os
import signal
import subprocess
from pathlib import Path

from trainers.run_lock import name_holder, signal_holder, take


def test_a_lock_is_held_by_whoever_inherited_it(tmp_path: Path) -> None:
    lock = take(tmp_path / "lock")
    assert lock is not None
    with subprocess.Popen(["sleep", "60"], pass_fds=(lock,)) as child:
        name_holder(lock, child.pid)
        os.close(lock)
        assert take(tmp_path / "lock") is None
        assert signal_holder(tmp_path / "lock", signal.SIGTERM, grace_s=5, marker="sleep")
    again = take(tmp_path / "lock")
    assert again is not None
    os.close(again)


def test_a_stranger_with_the_number_of_a_dead_holder_is_left_alone(tmp_path: Path) -> None:
    lock = take(tmp_path / "lock")
    assert lock is not None
    with subprocess.Popen(["sleep", "60"]) as stranger:
        name_holder(lock, stranger.pid)
        assert not signal_holder(tmp_path / "lock", signal.SIGKILL, grace_s=0, marker="trainers.recipe")
        assert stranger.poll() is None
        stranger.kill()
    os.close(lock)


def test_a_free_lock_needs_no_signal(tmp_path: Path) -> None:
    assert signal_holder(tmp_path / "lock", signal.SIGKILL, grace_s=0, marker="")
