"""`ChatModel` over any endpoint that speaks OpenAI's chat completions, local socket or remote.

aiohttp rather than httpx: 330 calls over 330 connections of one Unix socket took 0.1 s here, and
5.8 s with httpx, whose connection pool is searched in full for each request.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp
import orjson
import tenacity

from moderation.chat.pacing import Pace
from moderation.chat.types import Conversation, Finish, Reply, Sampling
from moderation.errors import ChatUnavailable
from moderation.types import Role

RETRIED_STATUSES = frozenset({408, 409, 425, 429})
"""Besides every status from 500 on."""

MAX_RETRY_AFTER_S = 120.0
"""A server that asks for a longer pause is not waited for (as OpenAI's own client does)."""


MAX_BODY_BYTES = 16 * 1024 * 1024
"""Read of one answer; one without end would fill the memory."""


class _TryAgain(Exception):
    """A failure that may pass; `pause_s` is what the server asked for."""

    def __init__(self, message: str, *, pause_s: float | None = None) -> None:
        self.pause_s = pause_s
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAICompatibleChat:
    """A model behind `POST {base_url}/chat/completions`.

    A conversation that ends with an assistant turn is continued, unless `continues` is off
    (`continue_final_message`, the name that vLLM and the embedded engine share).
    """

    base_url: str
    """Ends before `/chat/completions`, usually with `/v1`."""
    api_key: str
    model: str
    uds: str | None = None
    """Path of a Unix socket; the host in `base_url` is then a mere label."""
    max_concurrency: int = 64
    pace: Pace | None = None
    """Where the endpoint allows only so many calls a minute; a second attempt is a call too."""
    timeout_s: float = 120.0
    """For one attempt of one request."""
    attempts: int = 4
    backoff_s: float = 0.5
    """First pause; doubles up to 8 s, unless the server names its own."""
    parameters: Mapping[str, object] | None = None
    """Further fields of every request body, e.g. `reasoning_effort`."""
    continues: bool = True
    """Whether a last turn by the assistant is continued; a guard model is shown it to be judged."""

    @property
    def identity(self) -> str:
        """Model and endpoint; a socket's path changes with every start and is left out."""
        return f"{self.model} at {'embedded engine' if self.uds else self.base_url}"

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        """One reply a conversation, in order, at most `max_concurrency` at a time.

        Raises ChatUnavailable as soon as one of them cannot be had; the others are abandoned. Not to
        be called from a running event loop.
        """
        return asyncio.run(self._complete(conversations, sampling))

    async def _complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        slots = asyncio.Semaphore(self.max_concurrency)
        async with self._session() as session:

            async def one(index: int, conversation: Conversation) -> Reply:
                async with slots:
                    return await self._ask(session, self._body(conversation, sampling, index))

            tasks = [asyncio.ensure_future(one(*pair)) for pair in enumerate(conversations)]
            try:
                return await asyncio.gather(*tasks)
            finally:
                # After a failure the rest would only load a server whose answers nobody reads.
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _session(self) -> aiohttp.ClientSession:
        connector = (
            aiohttp.UnixConnector(path=self.uds, limit=self.max_concurrency)
            if self.uds
            else aiohttp.TCPConnector(limit=self.max_concurrency)
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers={"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=self.timeout_s),
            trust_env=self.uds is None,
        )

    def _body(self, conversation: Conversation, sampling: Sampling, index: int) -> bytes:
        body: dict[str, object] = {
            **(self.parameters or {}),
            "model": self.model,
            "messages": [{"role": turn.role.value, "content": turn.text} for turn in conversation],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed + index,
        }
        if self.continues and conversation and conversation[-1].role is Role.ASSISTANT:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return orjson.dumps(body)

    async def _ask(self, session: aiohttp.ClientSession, body: bytes) -> Reply:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(_TryAgain),
            stop=tenacity.stop_after_attempt(self.attempts),
            wait=self._pause_s,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, session, body)
        except _TryAgain as exc:
            raise ChatUnavailable(
                f"{self.identity}: {exc}; gave up after {self.attempts} attempts. "
                "Check that the endpoint is up and that its limits suffice."
            ) from exc

    def _pause_s(self, state: tenacity.RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, _TryAgain) and failure.pause_s is not None:
            return failure.pause_s
        return min(self.backoff_s * 2.0 ** (state.attempt_number - 1), 8.0)

    async def _attempt(self, session: aiohttp.ClientSession, body: bytes) -> Reply:
        if self.pace is not None:
            await self.pace.turn()
        try:
            url = f"{self.base_url.rstrip('/')}/chat/completions"
            # An endpoint that sends us elsewhere could send us into our own network.
            async with session.post(url, data=body, allow_redirects=False) as response:
                raw = await _read(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            raise _TryAgain(f"no answer ({type(exc).__name__}: {exc})") from exc
        if response.status == 200:
            return parse_reply(raw)
        raise self._refusal(response.status, response.headers.get("retry-after"), raw)

    def _refusal(self, status: int, retry_after: str | None, raw: bytes) -> Exception:
        """What a status other than 200 means."""
        said = f"status {status}: {error_message(raw)}"
        pause_s = parse_pause_s(retry_after)
        patient = pause_s is None or pause_s <= MAX_RETRY_AFTER_S
        if (status in RETRIED_STATUSES or status >= 500) and patient:
            return _TryAgain(said, pause_s=pause_s)
        asked = "" if patient else f", and wants to be asked again in {pause_s:g} s"
        return ChatUnavailable(f"{self.identity} refuses with {said}{asked}. Check its name, key and limits.")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body. Raises the error that is tried again for one that is longer than any completion."""
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            response.close()
            raise _TryAgain(f"an answer of more than {MAX_BODY_BYTES} bytes, of which the rest was not read")
    return bytes(raw)


def parse_pause_s(retry_after: str | None) -> float | None:
    """Seconds of a `retry-after` header; None when it is absent or a date (then our own backoff counts)."""
    try:
        return max(0.0, float(retry_after)) if retry_after is not None else None
    except ValueError:
        return None


def error_message(raw: bytes) -> str:
    """The sentence in an error body, at most 200 characters; never more of a foreign body."""
    try:
        error = orjson.loads(raw)["error"]
        return str(error["message"])[:200]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "no readable error message"


def parse_reply(raw: bytes) -> Reply:
    """The first choice of a chat completion.

    Only a filtered reply may lack text: a null read as an empty reply would be judged harmless. A
    body of another shape raises the error that is tried again.
    """
    try:
        choice = orjson.loads(raw)["choices"][0]
        message = choice["message"]
        finish = Finish(choice["finish_reason"])
        text = message.get("content")
        if text is None:
            text = message.get("refusal")
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError, ValueError) as exc:
        raise _TryAgain(f"the answer is not a chat completion ({error_message(raw)})") from exc
    if text is None and finish is Finish.CONTENT_FILTER:
        text = ""
    if not isinstance(text, str):
        raise _TryAgain("the answer's message has no text")
    return Reply(text=text, finish=finish)
