"""Training files that are checked while they are uploaded, so that no worker has to."""

import functools
from types import SimpleNamespace

import pytest

from gateway.api import checking
from gateway.api.checking import Checks
from gateway.pipeline import screening
from gateway.store import files
from gateway.store.blobs import BlobInfo
from moderation.formats.checking import facts_of, recalled
from moderation.formats.parsing import parse

NOTHING = BlobInfo(bytes=0, sha256="")


@pytest.fixture
def at_once(monkeypatch) -> None:
    monkeypatch.setattr(checking, "BEGIN_BYTES", 1)


def uploaded(gateway, tenant, client, data: bytes, purpose: str = "fine-tune") -> tuple[str, object]:
    """Where an uploaded file lies, and what was found of it meanwhile."""
    key = files.blob_key(tenant.project_id, client.files.create(file=("r.jsonl", data), purpose=purpose).id)
    with gateway.services.database.read() as session:
        return key, files.checked(session, key)


@pytest.mark.usefixtures("at_once")
def test_a_file_is_checked_while_it_arrives_and_not_read_again_before_it_is_screened(
    gateway, tenant, client, rows, monkeypatch
) -> None:
    key, found = uploaded(gateway, tenant, client, rows)
    stream = functools.partial(gateway.services.blobs.open, key)
    assert found == facts_of(parse(stream))
    monkeypatch.setattr(screening.parsing, "parse", None)
    shop = SimpleNamespace(database=gateway.services.database, blobs=gateway.services.blobs)
    file = screening.open_dataset(shop, key)
    assert file.n_examples == len(list(file.iter_examples())) == 10


@pytest.mark.usefixtures("at_once")
def test_a_file_that_came_in_parts_is_checked_while_they_are_joined(gateway, tenant, client, rows) -> None:
    named = {"filename": "r.jsonl", "bytes": len(rows), "mime_type": "text/plain", "purpose": "fine-tune"}
    file = client.uploads.upload_file_chunked(file=rows, **named).file
    with gateway.services.database.read() as session:
        found = files.checked(session, files.blob_key(tenant.project_id, file.id))
    assert (found["n_examples"], found["n_bytes"]) == (10, len(rows))


@pytest.mark.usefixtures("at_once")
def test_a_file_with_problems_is_left_to_the_job_that_tells_of_them(gateway, tenant, client, rows) -> None:
    assert uploaded(gateway, tenant, client, rows + b"{}\n")[1] is None


@pytest.mark.usefixtures("at_once")
def test_other_files_are_not_checked(gateway, tenant, client, rows) -> None:
    assert uploaded(gateway, tenant, client, rows, "batch")[1] is None


def test_a_small_file_is_not_worth_a_process(gateway, tenant, client, rows) -> None:
    assert uploaded(gateway, tenant, client, rows)[1] is None


@pytest.mark.usefixtures("at_once")
def test_a_file_on_a_disk_is_checked_where_it_is_written_which_waits_for_it(rows, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(checking, "AHEAD_BYTES", len(rows))
    monkeypatch.setattr(checking, "PATIENCE_S", 60.0)
    path = tmp_path / "part"
    check = Checks().begin(path)
    with path.open("wb", buffering=0) as part:
        for _ in range(3):
            part.write(rows)
            check.feed(rows)
    path.rename(tmp_path / "whole")
    found = check.result(BlobInfo(bytes=3 * len(rows), sha256="d"))
    assert (found["n_examples"], found["n_bytes"], found["digest"]) == (30, 3 * len(rows), "sha256:d")


@pytest.mark.usefixtures("at_once")
def test_without_room_or_in_time_or_alive_a_check_finds_nothing_and_stops_nobody(rows, monkeypatch, tmp_path) -> None:
    checks, path = Checks(), tmp_path / "part"
    while checks.room.acquire(blocking=False):
        pass
    crowded = checks.begin()
    crowded.feed(rows)
    assert crowded.result(NOTHING) is None
    path.touch()
    monkeypatch.setattr(checking, "AHEAD_BYTES", 0)
    for command, patience_s in ((["true"], 60.0), (["/none"], 60.0), (checking.COMMAND, -60.0)):
        monkeypatch.setattr(checking, "COMMAND", command)
        monkeypatch.setattr(checking, "PATIENCE_S", patience_s)
        for check in (Checks().begin(), Checks().begin(path)):
            for _ in range(4):
                check.feed(rows * 1_000)
            assert check.result(NOTHING) is None


@pytest.mark.usefixtures("at_once")
def test_what_was_found_of_other_bytes_or_by_older_rules_is_not_believed(rows) -> None:
    checks = Checks()
    check = checks.begin()
    check.feed(rows)
    assert check.result(NOTHING) is None
    assert recalled(lambda: None, {"rules": 0}) is None
    assert all(checks.room.acquire(blocking=False) for _ in range(checking.os.cpu_count()))
