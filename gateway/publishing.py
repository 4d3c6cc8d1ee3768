"""The head of the decision log at an address that a policy names: put there, and read back to compare.

The address gets `PUT` with one line, `{"at": ..., "hash": ..., "sequence": ...}`, and answers `GET` with the
lines it was given or the last of them: any store of objects does that. `file:///...` is a file that gets the
line appended, as `TUNEGATE_LOG_HEADS_FILE` does. A decision never waits for it; an address that does not take
a head is tried again, and metrics, `doctor` and `log verify` say so.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from gateway.errors import PolicyError
from gateway.outbound import PublicResolver, check_url
from gateway.store import head_places, heads
from gateway.store.database import Database
from gateway.store.heads import HeadsUnusable
from gateway.store.records import Decision, HeadPlace

TIMEOUT_S = 10.0
ATTEMPTS = 3
"""In a row; after them the place waits (`head_places.note`)."""
MAX_ANSWER_BYTES = 16 << 20

logger = logging.getLogger(__name__)


class _NotTaken(OSError):
    """The address answered, and not with a 2xx."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Talks to the addresses."""

    token: str = ""
    """Sent as a bearer token where it is not empty (`TUNEGATE_LOG_HEADS_TOKEN`)."""
    allow_private: bool = False
    wait_s: float = 0.5
    """Before the second attempt; doubled before the third."""

    async def put(self, url: str, entry: Decision) -> str | None:
        """Put a head; why it was not taken, None when it was. No redirect is followed."""
        try:
            if (path := file_of(url)) is not None:
                await asyncio.to_thread(heads.append, path, heads.line_of(entry))
                return None
            await self._ask("PUT", url, heads.line_of(entry))
        except (OSError, TimeoutError, ValueError, aiohttp.ClientError) as exc:
            return f"{type(exc).__name__}: {exc}"[:200]
        return None

    async def fetch(self, url: str) -> list[tuple[int, str]]:
        """(sequence, hash) of each head at an address. Raises `HeadsUnusable`."""
        try:
            body = await self._ask("GET", url, None)
        except (OSError, TimeoutError, ValueError, aiohttp.ClientError) as exc:
            raise HeadsUnusable(f"the heads at {url} cannot be read: {type(exc).__name__}: {exc}"[:300]) from exc
        return heads.read(body.decode(errors="replace"), url)

    async def _ask(self, method: str, url: str, body: bytes | None) -> bytes:
        check_url(url, allow_private=self.allow_private)
        again = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=self.wait_s, max=5.0),
            retry=retry_if_exception_type((OSError, TimeoutError, aiohttp.ClientError)),
            reraise=True,
        )
        async for attempt in again:
            with attempt:
                return await self._once(method, url, body)
        raise AssertionError("tenacity returns or raises")

    async def _once(self, method: str, url: str, body: bytes | None) -> bytes:
        resolver = None if self.allow_private else PublicResolver()
        headers = {"user-agent": "tunegate", "content-type": "application/x-ndjson"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, force_close=True),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                trust_env=False,
            ) as client,
            client.request(method, url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            if not 200 <= answer.status < 300:
                raise _NotTaken(f"the address answered {answer.status}")
            found = bytearray()
            async for chunk in answer.content.iter_chunked(1 << 16):
                found += chunk
                if len(found) > MAX_ANSWER_BYTES:
                    raise ValueError(f"the answer has more than {MAX_ANSWER_BYTES} bytes")
            return bytes(found)


async def publish(database: Database, urls: Sequence[str], publisher: Publisher, now: Callable[[], int]) -> int:
    """Bring every address up to the log's head, where it is due; returns how many took it."""

    def look() -> Mapping[str, Decision]:
        with database.read() as session:
            found = {url: head_places.due(session, url, now=now()) for url in urls}
        return {url: entry for url, entry in found.items() if entry is not None}

    def note(url: str, entry: Decision, error: str | None) -> HeadPlace:
        with database.write() as session:
            return head_places.note(session, url, sequence=entry.sequence, error=error, now=now())

    async def send(url: str, entry: Decision) -> bool:
        error = await publisher.put(url, entry)
        place = await asyncio.to_thread(note, url, entry, error)
        if error is not None:
            logger.warning(
                "entry %d of the decision log stands, but a place of its head did not take it (%d failures): %s",
                entry.sequence,
                place.failures,
                error,
            )
        return error is None

    wanted = await asyncio.to_thread(look)
    return sum(await asyncio.gather(*(send(url, entry) for url, entry in wanted.items())))


def file_of(url: str) -> Path | None:
    """The file of a `file:` address; None for another one. Raises `ValueError` where it names no whole path."""
    found = urlsplit(url)
    if found.scheme != "file":
        return None
    path = Path(unquote(found.path))
    if found.netloc or not path.is_absolute() or found.query or found.fragment:
        raise ValueError(f"{url} names no file of this machine; write file:///absolute/path")
    return path


def addresses(published: Mapping[str, str], *, allow_private: bool) -> tuple[str, ...]:
    """Every address that policies name (`log.publish` by policy), each once.

    Raises `PolicyError` for one that is not sent to.
    """
    named = {url: name for name, url in published.items() if url}
    for url, name in named.items():
        try:
            if file_of(url) is None:
                check_url(url, allow_private=allow_private)
        except ValueError as exc:
            raise PolicyError(
                f"{name}.log.publish: {exc} (addresses of your own network need TUNEGATE_WEBHOOKS_ALLOW_PRIVATE=true)"
            ) from exc
    return tuple(sorted(named))
