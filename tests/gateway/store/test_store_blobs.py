"""Blobs and artefacts, on the local disk and on a store that is elsewhere."""

import hashlib
from pathlib import Path

import pytest
from servers import S3

from gateway.store.blobs import Blobs
from gateway.store.errors import BlobTooLarge


@pytest.fixture(params=["file", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "file":
        return Blobs.open_store((tmp_path / "blobs").as_uri(), tmp_path / "cache")
    s3: S3 = request.getfixturevalue("s3")
    return Blobs.open_store(s3.create(), tmp_path / "cache")


def read(blobs: Blobs, key: str) -> bytes:
    with blobs.open(key) as stream:
        return stream.read()


def test_a_blob_comes_back_with_its_digest(blobs) -> None:
    info = blobs.put("projects/p/files/f", [b"ab", b"", b"c"])
    assert (info.bytes, info.sha256) == (3, hashlib.sha256(b"abc").hexdigest())
    assert read(blobs, "projects/p/files/f") == b"abc"
    assert blobs.local_file("projects/p/files/f").read_bytes() == b"abc"
    blobs.put("projects/p/files/f", [b"new"])
    assert read(blobs, "projects/p/files/f") == b"new"


def test_a_blob_that_is_too_large_leaves_nothing(blobs, tmp_path) -> None:
    with pytest.raises(BlobTooLarge):
        blobs.put("a/b", iter([b"123", b"4"]), max_bytes=3)
    assert not blobs.exists("a/b")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list(blobs.contents()) == []


def test_a_blob_is_unseen_until_it_is_whole(blobs, monkeypatch) -> None:
    monkeypatch.setattr("gateway.store.blobs.WRITE_BACK_BYTES", 1)
    writer = blobs.writer("a/b")
    writer.write(b"x")
    assert not blobs.exists("a/b")
    writer.commit()
    assert blobs.exists("a/b")


def test_a_deleted_blob_is_gone(blobs) -> None:
    blobs.put("a/b", [b"x"])
    blobs.delete("a/b")
    blobs.delete("a/b")
    with pytest.raises(FileNotFoundError):
        blobs.open("a/b")
    with pytest.raises(FileNotFoundError):
        blobs.local_file("a/b")


def test_an_artefact_comes_back_as_a_directory(blobs, tmp_path) -> None:
    made = tmp_path / "made"
    (made / "deep").mkdir(parents=True)
    (made / "manifest.json").write_bytes(b"{}")
    (made / "deep" / "weights").write_bytes(b"w" * 3_000_000)
    blobs.put_tree("models/m", made)
    for _ in range(2):
        found = blobs.local_tree("models/m")
        assert {path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()} == {
            "manifest.json",
            "deep/weights",
        }
        assert (found / "deep" / "weights").stat().st_size == 3_000_000
    blobs.delete_tree("models/m")
    assert not blobs.exists("models/m/manifest.json")


def test_the_manifest_of_an_artefact_is_stored_last(blobs, tmp_path, monkeypatch) -> None:
    made = tmp_path / "made"
    made.mkdir()
    for name in ("a", "manifest.json", "z"):
        (made / name).write_bytes(b"x")
    order: list[str] = []
    monkeypatch.setattr(blobs, "put", lambda key, _chunks: order.append(key))
    blobs.put_tree("m", made)
    assert order == ["m/a", "m/z", "m/manifest.json"]


def test_an_artefact_that_is_not_there_is_not_found(blobs) -> None:
    with pytest.raises(FileNotFoundError):
        blobs.local_tree("models/none")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../b", "..", "a//b", "a/", "a b", "a\0"])
def test_a_key_is_never_a_way_out(blobs, key) -> None:
    with pytest.raises(ValueError, match="is not a relative path"):
        blobs.exists(key)
