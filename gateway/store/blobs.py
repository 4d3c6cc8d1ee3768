"""Bytes of files and artefacts, on any fsspec store, under keys such as `projects/{id}/files/...`."""

import hashlib
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

import fsspec

from gateway.store.errors import BlobTooLarge

CHUNK_BYTES = 1 << 20
KEY = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.=-]*(/[A-Za-z0-9_.=-]+)*")
"""Keys are made by the gateway, never by a client; a strange one is a mistake of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo:
    """What was stored."""

    bytes: int
    sha256: str
    """Hex digest."""


class BlobWriter:
    """A blob in the making: nobody sees it before `commit`, and `abort` leaves nothing behind."""

    def __init__(self, fs: Any, path: str, max_bytes: int | None) -> None:
        self._fs = fs
        self._path = path
        self._part = f"{path}.part-{secrets.token_hex(8)}"
        self._max_bytes = max_bytes
        self._sha256 = hashlib.sha256()
        self._bytes = 0
        fs.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        self._file: IO[bytes] = fs.open(self._part, "wb")

    def write(self, data: bytes) -> None:
        """Append. Raises `BlobTooLarge` before the byte beyond the limit is written."""
        self._bytes += len(data)
        if self._max_bytes is not None and self._bytes > self._max_bytes:
            raise BlobTooLarge(self._max_bytes)
        self._sha256.update(data)
        self._file.write(data)

    def commit(self) -> BlobInfo:
        """Publish the blob under its key at once, in place of an earlier one."""
        self._file.close()
        self._fs.mv(self._part, self._path)
        return BlobInfo(bytes=self._bytes, sha256=self._sha256.hexdigest())

    def abort(self) -> None:
        """Throw the bytes away."""
        self._file.close()
        with suppress(FileNotFoundError):
            self._fs.rm_file(self._part)


class Blobs:
    """A store of blobs. Keys are relative paths; a directory of them is an artefact."""

    def __init__(self, fs: Any, root: str, cache: Path) -> None:
        self._fs = fs
        self._root = root.rstrip("/")
        self._cache = cache

    @classmethod
    def open_store(cls, url: str, cache: Path) -> Self:
        """The store at an fsspec URL (`file:///...`, `s3://bucket/...`), with a local cache of artefacts."""
        fs, root = fsspec.core.url_to_fs(url)
        return cls(fs, root, cache)

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
        stream: IO[bytes] = self._fs.open(self._path(key), "rb")
        return stream

    def exists(self, key: str) -> bool:
        """Whether there is a blob under the key."""
        return bool(self._fs.isfile(self._path(key)))

    def delete(self, key: str) -> None:
        """Remove a blob; one that is not there is no error."""
        with suppress(FileNotFoundError):
            self._fs.rm_file(self._path(key))

    def delete_tree(self, prefix: str) -> None:
        """Remove every blob under a prefix."""
        with suppress(FileNotFoundError):
            self._fs.rm(self._path(prefix), recursive=True)

    def local_file(self, key: str) -> Path:
        """A local file with the blob's bytes: itself in a local store, else a cached copy.

        Raises `FileNotFoundError`. The file must not be changed.
        """
        path = self._path(key)
        if not self._fs.isfile(path):
            raise FileNotFoundError(f"there is no blob '{key}'")
        if self._is_local:
            return Path(path)
        copy = self._cache / key
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            part = copy.with_name(f"{copy.name}.part-{secrets.token_hex(8)}")
            self._fs.get_file(path, str(part))
            part.replace(copy)
        return copy

    def put_tree(self, prefix: str, directory: Path, *, last: str = "manifest.json") -> None:
        """Store every file below a directory; the one called `last` goes last, so that it proves the rest."""
        files = sorted(path for path in directory.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda path: path.name == last):
            with path.open("rb") as stream:
                self.put(f"{prefix}/{path.relative_to(directory).as_posix()}", read_chunks(stream))

    def local_tree(self, prefix: str) -> Path:
        """A local directory with every blob under a prefix: the store's own, or a cached copy.

        Raises `FileNotFoundError`. The caller verifies digests; the files must not be changed.
        """
        root = self._path(prefix)
        if not self._fs.isdir(root):
            raise FileNotFoundError(f"there is no artefact '{prefix}'")
        if self._is_local:
            return Path(root)
        copy = self._cache / prefix
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            part = copy.with_name(f"{copy.name}.part-{secrets.token_hex(8)}")
            self._copy_tree(root, part)
            try:
                part.replace(copy)
            except OSError:  # another thread finished the same copy first
                shutil.rmtree(part)
        return copy

    def fresh_tree(self, prefix: str, directory: Path) -> Path:
        """As `local_tree`, but what is not local is read anew into `directory`, whatever a cache has."""
        root = self._path(prefix)
        if not self._fs.isdir(root):
            raise FileNotFoundError(f"there is no artefact '{prefix}'")
        if self._is_local:
            return Path(root)
        self._copy_tree(root, directory)
        return directory

    def listing(self, prefix: str) -> str:
        """What the blobs under a prefix look like from outside; another text when one was written again."""
        self._fs.invalidate_cache()
        found = self._fs.find(self._path(prefix), detail=True)
        told = ("size", "mtime", "ETag", "LastModified", "created", "ino")
        return repr([(path, [found[path].get(key) for key in told]) for path in sorted(found)])

    def keys(self, prefix: str) -> tuple[str, ...]:
        """Keys of the blobs under a prefix, sorted."""
        self._fs.invalidate_cache()
        return tuple(sorted(path.removeprefix(f"{self._root}/") for path in self._fs.find(self._path(prefix))))

    def _copy_tree(self, root: str, directory: Path) -> None:
        for path in self._fs.find(root):
            target = directory / PurePosixPath(path).relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._fs.get_file(path, str(target))

    @property
    def _is_local(self) -> bool:
        return "file" in _protocols(self._fs)

    def _path(self, key: str) -> str:
        if not KEY.fullmatch(key):
            raise ValueError(f"blob key '{key}' is not a relative path of letters, digits, '_', '.', '=' and '-'")
        return f"{self._root}/{key}"


def read_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """The stream in pieces of at most 1 MiB."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def _protocols(fs: Any) -> tuple[str, ...]:
    protocol = fs.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
