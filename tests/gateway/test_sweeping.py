import os
import socket
from pathlib import Path

from one_job import one_job

from gateway.store.blobs import BlobInfo, Blobs
from gateway.store.files import insert
from gateway.store.models import JobState
from gateway.worker.sweeping import ABANDONED_S, sweep_orphans, sweep_sockets

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


def test_old_bytes_that_nothing_refers_to_are_swept_away_and_no_others(tmp_path: Path) -> None:
    database = one_job(tmp_path / "a.db", JobState.TRAINING)
    blobs = Blobs.open_store((tmp_path / "blobs").as_uri(), tmp_path / "cache")
    with database.write() as session:
        about = BlobInfo(bytes=1, sha256="0")
        for id in ("file-1", "file-live", "file-deleted"):  # the job reads the first
            row = insert(session, id=id, project_id="proj_1", filename="f", purpose="fine-tune", blob=about, now=1)
            row.deleted_at = None if id == "file-live" else 2
    kept = {"files/file-1", "files/file-live", "held/ftjob-1/w", "held/ftjob-1-2/w", "models/ftjob-1/w", "other/x"}
    lost = {"files/file-deleted", "files/file-none", "files/x.part-00", "held/ftjob-9/w", "models/ftjob-9/w"}
    for name in (*kept, *lost, "files/file-new"):
        blobs.put(f"projects/proj_1/{name}", [b"x"])
        if name != "files/file-new":
            os.utime(tmp_path / "blobs" / "projects" / "proj_1" / name, (0, NOW - 30 * 365 * 86_400))
    assert sweep_orphans(database, blobs) == len(lost)
    left = {key.removeprefix("projects/proj_1/") for key, _ in blobs.contents()}
    assert left == kept | {"files/file-new"}
    database.close()
