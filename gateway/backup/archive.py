"""The file of a backup: a tar whose last member, the manifest, has every other one's digest."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from gateway.errors import BackupUnusable

FORMAT = 1
MANIFEST = "manifest.json"
SPOOL_BYTES = 16 << 20
CHUNK_BYTES = 1 << 20


class ArchiveWriter:
    """Adds members one after the other; without its manifest the file is none."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, stream: IO[bytes]) -> None:
        """Add a member with the bytes of a stream."""
        digest = hashlib.sha256()
        with SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:  # a tar wants the size first
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                spool.write(chunk)
            info = tarfile.TarInfo(name)
            info.size, info.mode = spool.tell(), 0o600
            spool.seek(0)
            self._tar.addfile(info, spool)
        self._members[name] = {"sha256": digest.hexdigest(), "bytes": info.size}

    def finish(self, about: Mapping[str, Any]) -> None:
        """Write the manifest, with what is to be said about the whole."""
        text = json.dumps({"format": FORMAT, **about, "members": self._members}).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(text), 0o600
        self._tar.addfile(info, io.BytesIO(text))


@contextmanager
def create(path: Path) -> Iterator[ArchiveWriter]:
    """Write an archive, readable by its owner only. What is there already, or not whole, is not left in its place.

    Raises `BackupUnusable` when there is a file of this name, or no directory for it.
    """
    part = path.with_name(f"{path.name}.part")
    if path.exists():
        raise BackupUnusable(f"{path} exists; choose another name")
    if not path.parent.is_dir():
        raise BackupUnusable(f"there is no directory {path.parent}; make it, or name another")
    try:
        with open(part, "wb", opener=private) as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                yield ArchiveWriter(tar)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


class ArchiveReader:
    """A backup whose every byte was found to be what its manifest says."""

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        self._path = path
        self.about = manifest

    def members(self, folder: str) -> Iterator[tuple[str, IO[bytes]]]:
        """Name below a folder and bytes of each of its members, in the order in which they were added."""
        with tarfile.open(self._path) as tar:
            for info in tar:
                stream = tar.extractfile(info)
                if stream is not None and info.name.startswith(f"{folder}/"):
                    yield info.name.removeprefix(f"{folder}/"), stream


def verify(path: Path) -> ArchiveReader:
    """Read a whole backup once and compare every digest. Raises `BackupUnusable` that names what is wrong."""
    found: dict[str, dict[str, Any]] = {}
    manifest: dict[str, Any] | None = None
    try:
        with tarfile.open(path) as tar:
            for info in tar:
                stream = tar.extractfile(info)
                if stream is None or info.name in found or manifest is not None:
                    raise BackupUnusable(f"{path}: {info.name} does not belong in a backup")
                if info.name == MANIFEST:
                    manifest = json.loads(stream.read())
                else:
                    found[info.name] = {"sha256": _sha256(stream), "bytes": info.size}
    except (tarfile.TarError, OSError, ValueError) as exc:
        raise BackupUnusable(f"{path} is not a whole backup: {str(exc).partition(':')[0]}") from exc
    if manifest is None:
        raise BackupUnusable(f"{path} is not a whole backup: it ends before its manifest")
    if manifest.get("format") != FORMAT:
        raise BackupUnusable(f"{path} has the format {manifest.get('format')}; this version reads {FORMAT}")
    wrong = sorted(
        {*found, *manifest["members"]} - {n for n, is_ in found.items() if manifest["members"].get(n) == is_}
    )
    if wrong:
        raise BackupUnusable(f"{path} is damaged: {wrong[0]} is not what was saved ({len(wrong)} such members)")
    return ArchiveReader(path, manifest)


def private(name: str, flags: int) -> int:
    """Opener of files that only their owner may read."""
    return os.open(name, flags, 0o600)


def _sha256(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
