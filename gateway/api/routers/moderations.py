"""`/v1/moderations`, answered by the worker's classifiers."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gateway.api.auth import Here, Who
from gateway.api.errors import model_not_found
from gateway.api.limits import count_moderations
from gateway.api.moderation_keys import KEYS, scores_of
from gateway.api.schemas import ImagePart, ModerationRequest
from gateway.api.wire import Body, check, json_response
from gateway.errors import ApiError
from gateway.store.ids import IdKind
from moderation.types import Category

router = APIRouter()
DEFAULT_MODEL = "omni-moderation-latest"
MODELS = (DEFAULT_MODEL, "omni-moderation-2024-09-26", "text-moderation-latest", "text-moderation-stable")
MAX_INPUTS = 2_048
THRESHOLD = 0.5
"""Scores at or above it are flagged."""


@router.post("/v1/moderations")
async def create(services: Here, caller: Who, body: Body) -> Response:
    """Score texts. A list has a result for each text; content parts have one together."""
    asked = check(ModerationRequest, body)
    model = asked.model or DEFAULT_MODEL
    if model not in MODELS:
        raise model_not_found(model)
    texts, together = _texts(asked)
    await run_in_threadpool(count_moderations, services, caller, len(texts))
    found = await services.moderation.score(texts)
    by_result = [_worst(found)] if together else found
    answer = {
        "id": services.ids.new(IdKind.MODERATION),
        "model": model,
        "results": [_result(scores_of(scores), exact=caller.may_read_details) for scores in by_result],
    }
    return json_response(answer)


def _texts(asked: ModerationRequest) -> tuple[list[str], bool]:
    """The texts to score, and whether they are the parts of one content."""
    if isinstance(asked.input, str):
        return [asked.input], False
    if not 1 <= len(asked.input) <= MAX_INPUTS:
        message = f"'input' has {len(asked.input)} items; expected 1 to {MAX_INPUTS}."
        raise ApiError(400, message, param="input")
    texts = []
    for item in asked.input:
        if isinstance(item, ImagePart):
            message = "Pictures cannot be moderated by this gateway; send text only."
            raise ApiError(400, message, param="input", code="unsupported_value")
        texts.append(item if isinstance(item, str) else item.text)
    return texts, not isinstance(asked.input[0], str)


def _worst(found: Sequence[Mapping[Category, float]]) -> Mapping[Category, float]:
    return {category: max(scores.get(category, 0.0) for scores in found) for category in Category}


def _result(scores: Mapping[str, float], *, exact: bool) -> dict[str, Any]:
    """A result. The scores are those of the classifiers that screen files: in full they say how to get past them."""
    categories = {key: scores[key] >= THRESHOLD for key in KEYS}
    return {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": scores if exact else {key: round(score, 1) for key, score in scores.items()},
        "category_applied_input_types": {key: ["text"] for key in KEYS},
    }
