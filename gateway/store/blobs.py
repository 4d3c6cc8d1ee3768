"""Bytes of files and artefacts, on any fsspec store, under keys such as `projects/{id}/files/...`."""

import hashlib
import io
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self, cast

from gateway.store.blob_stores import RemoteStream, connect, is_local, later, translated
from gateway.store.copies import Copies
from gateway.store.errors import BlobsUnavailable, BlobTooLarge
from gateway.store.write_back import begin_write_back

CHUNK_BYTES = 1 << 20
WRITE_BACK_BYTES = 8 << 20
"""After so many the disk is set to work, on those of a file that is still being written."""
PART = ".part-"
"""Marks a file of a local store that is not whole yet."""
KEY = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.=-]*(/[A-Za-z0-9_.=-]+)*")
"""Keys are made by the gateway, never by a client; a strange one is a mistake of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo:
    """What was stored."""

    bytes: int
    sha256: str
    """Hex digest."""


class BlobWriter:
    """A blob in the making: nobody sees it before `commit`, and `abort` leaves nothing behind.

    Every method raises `BlobsUnavailable` when the store fails.
    """

    def __init__(self, fs: Any, path: str, max_bytes: int | None) -> None:
        self._fs = fs
        self._path = path
        # A store of objects shows none before it is whole; on a disk the name is given last.
        self._is_local = is_local(fs)
        self._part = f"{path}{PART}{secrets.token_hex(8)}" if self._is_local else path
        self._max_bytes = max_bytes
        self._sha256 = hashlib.sha256()
        self._bytes = self._n_on_the_way = 0
        with translated(writing=True):
            if self._is_local:
                fs.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
            self._file: Any = fs.open(self._part, "wb")

    @property
    def unfinished(self) -> Path | None:
        """Where on this machine's disk what was written can be read, but for the last kilobytes before `commit`."""
        return Path(self._part) if self._is_local else None

    def write(self, data: bytes) -> None:
        """Append. Raises `BlobTooLarge` before the byte beyond the limit is written."""
        self._bytes += len(data)
        if self._max_bytes is not None and self._bytes > self._max_bytes:
            raise BlobTooLarge(self._max_bytes)
        self._sha256.update(data)
        with translated(writing=True):
            self._file.write(data)
            if self._is_local and self._bytes - self._n_on_the_way >= WRITE_BACK_BYTES:
                begin_write_back(self._file.fileno(), self._n_on_the_way, self._bytes)
                self._n_on_the_way = self._bytes

    def commit(self) -> BlobInfo:
        """Publish the blob under its key at once, in place of an earlier one."""
        try:
            with translated(writing=True):
                self._publish()
        except BlobsUnavailable:
            self.abort()
            raise
        return BlobInfo(bytes=self._bytes, sha256=self._sha256.hexdigest())

    def abort(self) -> None:
        """Throw the bytes away."""
        with later(), translated():
            if self._is_local:
                with suppress(OSError):  # what a full disk did not take is not wanted any more
                    self._file.close()
                with suppress(FileNotFoundError):
                    self._fs.rm_file(self._part)
            elif not self._file.closed:
                self._file.discard()
                self._file.closed = True  # nothing is left that closing could publish

    def _publish(self) -> None:
        if not self._is_local:
            self._file.close()
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._fs.mv(self._part, self._path)


class Blobs:
    """A store of blobs. Keys are relative paths; a directory of them is an artefact."""

    def __init__(self, fs: Any, root: str, cache: Path) -> None:
        self._fs = fs
        self._root = root.rstrip("/")
        self._is_local = is_local(fs)
        self._copies = Copies(cache)

    @classmethod
    def open_store(cls, url: str, cache: Path) -> Self:
        """The store at an fsspec URL (`file:///...`, `s3://bucket/...`), with a local cache of artefacts.

        Raises `ValueError` when the URL's kind of store is not known or not installed.
        """
        return cls(*connect(url), cache)

    def writer(self, key: str, *, max_bytes: int | None = None) -> BlobWriter:
        """Begin a blob that is written piece by piece."""
        return BlobWriter(self._fs, self._path(key), max_bytes)

    def put(self, key: str, chunks: Iterable[bytes], *, max_bytes: int | None = None) -> BlobInfo:
        """Store a blob whole or not at all. Raises `BlobTooLarge`."""
        writer = self.writer(key, max_bytes=max_bytes)
        try:
            for chunk in chunks:
                writer.write(chunk)
        except BaseException:
            writer.abort()
            raise
        return writer.commit()

    def open(self, key: str) -> IO[bytes]:
        """Read a blob as a stream. Raises `FileNotFoundError`."""
        with translated():
            stream: IO[bytes] = self._fs.open(self._path(key), "rb")
        return stream if self._is_local else cast(IO[bytes], io.BufferedReader(RemoteStream(stream), CHUNK_BYTES))

    def exists(self, key: str) -> bool:
        """Whether there is a blob under the key."""
        with translated():
            return bool(self._fs.exists(self._path(key)))

    def delete(self, key: str) -> None:
        """Remove a blob; one that is not there is no error."""
        with translated(), suppress(FileNotFoundError):
            self._fs.rm_file(self._path(key))
        self._copies.forget(key)

    def discard(self, key: str) -> None:
        """Remove a blob that nothing refers to any more; where the store is away the sweep does it later."""
        with later():
            self.delete(key)

    def discard_tree(self, prefix: str) -> None:
        """The same of every blob under a prefix."""
        with later():
            self.delete_tree(prefix)

    def delete_tree(self, prefix: str) -> None:
        """Remove every blob under a prefix, and copies of them on this machine."""
        with translated(), suppress(FileNotFoundError):
            self._fs.rm(self._path(prefix), recursive=True)
        self._copies.forget(prefix)

    def contents(self) -> Iterator[tuple[str, float]]:
        """Key and age in seconds of every blob; on a disk also of those that were never finished."""
        now = time.time()
        with translated(), suppress(FileNotFoundError):
            for path, about in self._fs.find(self._root, detail=True).items():
                changed = about.get("mtime") or about["LastModified"].timestamp()
                yield str(PurePosixPath(path).relative_to(self._root)), now - changed

    def sweep_copies(self, *, unused_s: float) -> None:
        """Delete local copies that nobody asked for in so many seconds."""
        self._copies.sweep(unused_s=unused_s)

    def local_file(self, key: str) -> Path:
        """A local file with the blob's bytes: itself in a local store, else a copy.

        Raises `FileNotFoundError`. The file must not be changed.
        """
        looks, path = self.listing(key), self._path(key)
        if not looks:
            raise FileNotFoundError(f"there is no blob '{key}'")
        if self._is_local:
            return Path(path)
        with translated():
            return self._copies.get(key, looks, lambda copy: self._fs.get_file(path, str(copy)))

    def put_tree(self, prefix: str, directory: Path, *, last: str = "manifest.json") -> None:
        """Store every file below a directory; the one called `last` goes last, so that it proves the rest."""
        files = sorted(path for path in directory.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda path: path.name == last):
            with path.open("rb") as stream:
                self.put(f"{prefix}/{path.relative_to(directory).as_posix()}", read_chunks(stream))

    def local_tree(self, prefix: str) -> Path:
        """A local directory with every blob under a prefix: the store's own, or a copy.

        Raises `FileNotFoundError`. The caller verifies digests; the files must not be changed.
        """
        looks, root = self.listing(prefix), self._path(prefix)
        if not looks:
            raise FileNotFoundError(f"there is no artefact '{prefix}'")
        if self._is_local:
            return Path(root)
        with translated():
            return self._copies.get(prefix, looks, lambda copy: self._copy_tree(root, copy))

    def fresh_tree(self, prefix: str, directory: Path) -> Path:
        """As `local_tree`, but what is not local is read anew into `directory`, whatever was copied before."""
        if not self.listing(prefix):
            raise FileNotFoundError(f"there is no artefact '{prefix}'")
        root = self._path(prefix)
        if self._is_local:
            return Path(root)
        with translated():
            self._copy_tree(root, directory)
        return directory

    def listing(self, prefix: str) -> str:
        """What the blobs under a prefix look like from outside; another text when one was written again.

        Empty where there is none.
        """
        with translated():
            found = self._fs.find(self._path(prefix), detail=True)
        told = ("size", "mtime", "ETag", "LastModified", "created", "ino")
        return repr([(path, [found[path].get(key) for key in told]) for path in sorted(found)]) if found else ""

    def keys(self, prefix: str) -> tuple[str, ...]:
        """Keys of the blobs under a prefix, sorted."""
        with translated():
            return tuple(sorted(path.removeprefix(f"{self._root}/") for path in self._fs.find(self._path(prefix))))

    def _copy_tree(self, root: str, directory: Path) -> None:
        for path in self._fs.find(root):
            target = directory / PurePosixPath(path).relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._fs.get_file(path, str(target))

    def _path(self, key: str) -> str:
        if not KEY.fullmatch(key):
            raise ValueError(f"blob key '{key}' is not a relative path of letters, digits, '_', '.', '=' and '-'")
        return f"{self._root}/{key}"


def read_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """The stream in pieces of at most 1 MiB."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
