"""The stores that blobs lie in: how they are opened, and how their failures become ours."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import fsspec

from gateway.store.errors import BlobsUnavailable, StateUnavailable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

S3_OPTIONS = {
    # What another process wrote a moment ago is there.
    "use_listings_cache": False,
    # Memory of one upload, twice; 10,000 parts of it are 80 GB.
    "default_block_size": 8 << 20,
    "config_kwargs": {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 2}},
    # Where it is, is read from the environment: of two stores opened alike, the second is not the first one.
    "skip_instance_cache": True,
}

logger = logging.getLogger(__name__)


def connect(url: str) -> tuple[Any, str]:
    """The file system and the root path at an fsspec URL. Raises `ValueError` for what cannot be opened here."""
    try:
        fs, root = fsspec.core.url_to_fs(url, **(S3_OPTIONS if url.startswith("s3:") else {}))
    except ImportError as exc:
        raise ValueError(f"'{url}' cannot be opened ({exc}); for S3 install tunegate[s3]") from exc
    return fs, str(root)


class RemoteStream(io.RawIOBase):
    """A stream of a remote store whose failures are ours."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read into a buffer. Raises `BlobsUnavailable`."""
        view = memoryview(buffer)
        with translated():
            data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of the connection."""
        self._stream.close()
        super().close()


def is_local(fs: Any) -> bool:
    """Whether a file system is this machine's own."""
    return "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)


@contextmanager
def later() -> Iterator[None]:
    """Let what cannot be deleted while the store is away to the sweep."""
    try:
        yield
    except BlobsUnavailable as error:
        logger.warning("what is to be deleted is deleted later: %s", error)


@contextmanager
def translated(*, writing: bool = False) -> Iterator[None]:
    """Raise `BlobsUnavailable` for what the store's own state is to blame for.

    That a blob is not found stays what it is, but not while one is written: then it is the store that is gone.
    """
    try:
        yield
    except StateUnavailable:
        raise
    except OSError as exc:
        if isinstance(exc, FileNotFoundError) and not writing:
            raise
        raise BlobsUnavailable(exc.strerror or type(exc).__name__) from exc
    except Exception as exc:
        # botocore's own errors share no ancestor with OSError, and botocore is there only where S3 is used.
        if not type(exc).__module__.startswith("botocore."):
            raise
        raise BlobsUnavailable(type(exc).__name__) from exc
