"""One table from our exceptions to OpenAI's error envelope."""

from collections.abc import Callable, Mapping
from typing import Any

from deploy.errors import EngineRefused, EngineUnavailable, NoSuchModel, NotReleased, Unauthorized
from evaluators.errors import AuditIncomplete, JudgeIncapable, JudgeUnavailable
from gateway.errors import ApiError, BackupUnusable, PluginError, PolicyError, SettingsError, UnusableSubject
from gateway.store.errors import (
    BlobTooLarge,
    JobIsOver,
    LimitReached,
    NotFound,
    StateUnavailable,
    StoreError,
    UnknownCursor,
    UploadIsOver,
)
from gateway.store.limits import Measure
from gateway.store.reviews import NotTheirs
from moderation.errors import (
    ChatUnavailable,
    ClassifierUnavailable,
    DatasetError,
    NotAdmitted,
    SealBroken,
    TunegateError,
)
from trainers.errors import BaseModelError, Gone, NotNow, TrainingFailed

INTERNAL = "The gateway had an error while it handled your request. Retry it, and give your operator the request id."
RETRY_AFTER_S = 2
UNAVAILABLE = "The gateway cannot answer this at the moment; nothing was decided. Retry in a few seconds."


def envelope(error: ApiError) -> dict[str, Any]:
    """OpenAI's error body; clients need all four keys."""
    return {
        "error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code},
    }


def internal_error() -> ApiError:
    """What a client sees of a failure of our own."""
    return ApiError(500, INTERNAL, type="server_error")


def unavailable() -> ApiError:
    """What a client sees while a part of the gateway is down. SDKs retry it."""
    headers = {"retry-after": str(RETRY_AFTER_S)}
    return ApiError(503, UNAVAILABLE, type="server_error", code="service_unavailable", headers=headers)


def model_not_found(model: str) -> ApiError:
    """The answer for a name that may not be used, whether it is held, withheld or never was."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(404, message, code="model_not_found")


RATES: Mapping[str, str] = {Measure.REQUESTS: "requests", Measure.TOKENS: "tokens"}
QUOTAS: Mapping[str, str] = {
    Measure.UPLOAD_BYTES: "{} bytes uploaded a day; it begins anew at 00:00 UTC",
    Measure.SCREENINGS: "{} files screened without training on them a day; it begins anew at 00:00 UTC",
    Measure.DETAILS: "{} full reports an hour; it begins anew at the full hour",
    Measure.MODERATIONS: "{} texts moderated an hour; it begins anew at the full hour",
    Measure.GPU_SECONDS: "{} seconds of training and audits a month; it begins anew on the first, UTC",
    Measure.BUDGET: "what may be spent in a month; it begins anew on the first, UTC",
}


def _limit_reached(error: LimitReached) -> ApiError:
    """A 429. A window that is long in ending is not worth a client's waiting, so SDKs are told not to retry."""
    headers = {"retry-after": str(error.reset_s)}
    what = RATES.get(error.measure)
    if what is not None:
        headers |= {
            f"x-ratelimit-limit-{what}": str(error.limit),
            f"x-ratelimit-remaining-{what}": "0",
            f"x-ratelimit-reset-{what}": f"{error.reset_s}s",
        }
        message = f"Rate limit reached: {error.limit} {what} a minute. Try again in {error.reset_s} s."
        if error.amount > error.limit:
            message = f"Request too large: it may take {error.amount} {what}, and the limit is {error.limit} a minute."
            headers["x-should-retry"] = "false"
        return ApiError(429, message, type=what, code="rate_limit_exceeded", headers=headers)
    message = f"You have reached your quota of {QUOTAS[error.measure].format(error.limit)}."
    headers["x-should-retry"] = "false"
    return ApiError(429, message, type="insufficient_quota", code="insufficient_quota", headers=headers)


def _not_found(error: NotFound) -> ApiError:
    if error.kind == "file":
        return ApiError(404, f"No such File object: {error.id}", param="id")
    if error.kind == "model":
        return model_not_found(error.id)
    if error.kind == "job":
        return ApiError(404, f"Could not find fine tune: {error.id}", param="fine_tune_id", code="fine_tune_not_found")
    return ApiError(404, f"Could not find {error.kind}: {error.id}", param="id")


Translator = Callable[[Any], ApiError]
TABLE: Mapping[type[TunegateError], Translator] = {
    ApiError: lambda error: error,
    NotFound: _not_found,
    UnknownCursor: lambda error: ApiError(400, str(error), param="after"),
    JobIsOver: lambda error: ApiError(400, str(error), param="fine_tune_id"),
    LimitReached: _limit_reached,
    UploadIsOver: lambda error: ApiError(400, str(error), param="upload_id"),
    BlobTooLarge: lambda error: ApiError(413, str(error), param="file", code="file_too_large"),
    NotTheirs: lambda error: ApiError(403, str(error), code="not_your_review"),
    StateUnavailable: lambda error: unavailable(),
    StoreError: lambda error: ApiError(400, str(error)),
    DatasetError: lambda error: ApiError(400, str(error), param="file", code=error.code),
    EngineRefused: lambda error: ApiError(400, str(error), param=error.param),
    NotReleased: lambda error: ApiError(404, "The model does not exist.", code="model_not_found"),
    NoSuchModel: lambda error: ApiError(404, "The model does not exist.", code="model_not_found"),
    EngineUnavailable: lambda error: unavailable(),
    NotNow: lambda error: unavailable(),
    Gone: lambda error: unavailable(),
    Unauthorized: lambda error: unavailable(),  # an engine that refuses our own secret is not the client's fault
    ClassifierUnavailable: lambda error: unavailable(),
    ChatUnavailable: lambda error: unavailable(),
    JudgeUnavailable: lambda error: unavailable(),
    NotAdmitted: lambda error: internal_error(),
    SealBroken: lambda error: internal_error(),
    TrainingFailed: lambda error: internal_error(),
    BaseModelError: lambda error: internal_error(),
    JudgeIncapable: lambda error: internal_error(),
    AuditIncomplete: lambda error: internal_error(),
    SettingsError: lambda error: internal_error(),
    PluginError: lambda error: internal_error(),
    PolicyError: lambda error: internal_error(),
    UnusableSubject: lambda error: internal_error(),
    BackupUnusable: lambda error: internal_error(),
}
"""The most special class in an exception's ancestry decides. A test proves the table total."""


def translate(error: TunegateError) -> ApiError:
    """What a client sees of an exception of ours."""
    for kind in type(error).__mro__:
        translator = TABLE.get(kind)
        if translator is not None:
            return translator(error)
    return internal_error()
