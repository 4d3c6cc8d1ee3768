"""`/v1/completions`, the older API: text in, text out, by way of a chat."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.asking import Asking, streamed
from gateway.api.auth import asker_of
from gateway.api.chat_answers import fingerprint
from gateway.api.chat_requests import ChatRequest
from gateway.api.completion_requests import CompletionRequest, read_completion
from gateway.api.genai import describe
from gateway.api.hanging_up import while_there
from gateway.api.wire import json_object, json_response
from gateway.store.ids import IdKind

router = APIRouter()
Json = Mapping[str, Any]


@router.post("/v1/completions")
async def create(request: Request) -> Response:
    """Complete each prompt as the assistant's answer to it."""
    asker = await asker_of(request)
    asked = read_completion(await json_object(request))
    chats = asked.chats()
    completion_id = asker.services.ids.new(IdKind.COMPLETION)
    frame = {
        "id": completion_id,
        "object": "text_completion",
        "created": asker.services.now(),
        "model": asked.model,
        "system_fingerprint": fingerprint(asked.model),
    }
    asking = Asking(asker=asker, told=describe(request, chats[0], completion_id))
    if asked.stream:
        first = await asking.stream(chats[0])
        return streamed(_chunks(asking, asked, chats, first, frame), completion_id, asking.headers)
    async with while_there(request):
        answers = await _all(asking, chats)
    choices = [
        _choice(asked, at * asked.n_choices + rank, asked.prompts[at], choice)
        for at, answered in enumerate(answers)
        for rank, choice in enumerate(_best(asked, answered["choices"]))
    ]
    usage = _sum(asked, (answered.get("usage") or {} for answered in answers))
    content = {**frame, "choices": choices, "usage": usage}
    return json_response(content, headers=asking.headers)


async def _all(asking: Asking, chats: Sequence[ChatRequest]) -> list[Json]:
    """An answer to each, all asked for at once; where one fails the others are not waited for."""
    asked = [asyncio.create_task(asking.answer(chat)) for chat in chats]
    try:
        return await asyncio.gather(*asked)
    finally:
        for one in asked:
            one.cancel()


async def _chunks(
    asking: Asking,
    asked: CompletionRequest,
    chats: tuple[ChatRequest, ...],
    first: AsyncIterator[Json],
    frame: Json,
) -> AsyncIterator[Json]:
    """One prompt after the other."""
    usages: list[Json] = []
    rest: Json = {"usage": None} if asked.include_usage else {}
    for at, chat in enumerate(chats):
        echoes = set(range(asked.n_choices)) if asked.echo else set()
        async for event in first if at == 0 else await asking.stream(chat):
            usages.append(event.get("usage") or {})
            for part in event.get("choices", ()):
                prompt = asked.prompts[at] if part["index"] in echoes else ""
                echoes.discard(part["index"])
                said = {**part, "message": part["delta"]}
                choice = _choice(asked, at * asked.n_choices + part["index"], prompt, said)
                if choice["text"] or choice["finish_reason"]:
                    yield {**frame, "choices": [choice], **rest}
    if asked.include_usage:
        yield {**frame, "choices": [], "usage": _sum(asked, usages)}


def _choice(asked: CompletionRequest, index: int, prompt: str, choice: Json) -> dict[str, Any]:
    text = choice["message"].get("content") or ""
    reason = choice.get("finish_reason")
    if asked.max_tokens == 0:
        text, choice, reason = "", {}, reason and "length"
    return {
        "index": index,
        "text": prompt + text if asked.echo else text,
        "logprobs": _scores(choice) if asked.logprobs is not None else None,
        "finish_reason": reason,
    }


def _best(asked: CompletionRequest, choices: list[Json]) -> list[Json]:
    """The choices with the highest log probability a token, best first; all of them without `best_of`."""
    if asked.best_of is None:
        return choices
    return sorted(choices, key=_likelihood, reverse=True)[: asked.n_choices]


def _likelihood(choice: Json) -> float:
    scores = [entry["logprob"] for entry in (choice.get("logprobs") or {}).get("content") or ()]
    return sum(scores) / len(scores) if scores else float("-inf")


def _scores(choice: Json) -> dict[str, Any]:
    """The chat's log probabilities in the older shape; offsets count from the piece's own beginning."""
    entries = (choice.get("logprobs") or {}).get("content") or ()
    offsets, at = [], 0
    for entry in entries:
        offsets.append(at)
        at += len(entry["token"])
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [
            {one["token"]: one["logprob"] for one in (*entry["top_logprobs"], entry)} for entry in entries
        ],
        "text_offset": offsets,
    }


def _sum(asked: CompletionRequest, usages: Iterable[Json]) -> dict[str, int]:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    counted = [usage for usage in usages if usage]
    total = {name: sum(usage.get(name, 0) for usage in counted) for name in names}
    if asked.max_tokens == 0:
        total |= {"completion_tokens": 0, "total_tokens": total["prompt_tokens"]}
    return total
