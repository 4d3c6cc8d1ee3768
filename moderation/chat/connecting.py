"""The language model that a plug-in's settings name: behind an endpoint, or on this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from moderation.chat.openai_compatible import OpenAICompatibleChat
from moderation.chat.pacing import Pace
from moderation.chat.types import ChatModel
from moderation.model_files import directory_of

SETTINGS = frozenset({"base_url", "model", "revision", "api_key", "timeout_s", "max_concurrency", "max_per_minute"})
_OF_ENDPOINTS = ("api_key", "timeout_s", "max_per_minute")
MAX_CONCURRENCY = 32
TIMEOUT_S = 120


def connect(
    prefix: str,
    config: Mapping[str, str],
    questions: Sequence[Mapping[str, object]] = ({},),
    *,
    plain: bool = False,
) -> tuple[ChatModel, ...]:
    """One chat for each of `questions`, further fields of a request body; none continues a last turn.

    With `BASE_URL` the model is called `MODEL` at that endpoint, at most `MAX_PER_MINUTE` times a minute where that is
    set; without it `MODEL` is a directory or a name on the hub, with a `REVISION` if one is set, and runs here.
    `plain` is for models on this machine, see `LocalChat`.
    Raises ValueError that names the environment variable at fault.
    """
    if not config.get("model"):
        raise ValueError(
            f"{prefix}MODEL is not set"
            + ("" if config.get("base_url") else f", nor is {prefix}BASE_URL")
            + "; name the model at an OpenAI-compatible endpoint, or one that is to run here"
        )
    size = positive(prefix, config, "max_concurrency", MAX_CONCURRENCY)
    if not config.get("base_url"):
        return _local(prefix, config, questions, size, plain=plain)
    if not config["base_url"].startswith(("http://", "https://")):
        raise ValueError(f"{prefix}BASE_URL is {config['base_url']!r}; set it to the http(s) URL that ends in /v1")
    if config.get("revision"):
        raise ValueError(
            f"{prefix}REVISION is for a model that runs here, and {prefix}BASE_URL names an endpoint; unset one of them"
        )
    # One pace for all of them: the limit is the endpoint's.
    pace = Pace(positive(prefix, config, "max_per_minute", 1)) if config.get("max_per_minute") else None
    return tuple(
        OpenAICompatibleChat(
            base_url=config["base_url"],
            api_key=config.get("api_key", ""),
            model=config["model"],
            max_concurrency=size,
            pace=pace,
            timeout_s=float(positive(prefix, config, "timeout_s", TIMEOUT_S)),
            parameters=question,
            continues=False,
        )
        for question in questions
    )


def positive(prefix: str, config: Mapping[str, str], key: str, default: int) -> int:
    """A whole number of at least 1. Raises ValueError that names the variable."""
    text = config.get(key, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{prefix}{key.upper()} is {text!r}; expected a whole number of at least 1")
    return int(text)


def _local(
    prefix: str, config: Mapping[str, str], questions: Sequence[Mapping[str, object]], size: int, *, plain: bool
) -> tuple[ChatModel, ...]:
    for key in _OF_ENDPOINTS:
        if config.get(key):
            raise ValueError(
                f"{prefix}{key.upper()} is for an endpoint, and {prefix}BASE_URL is not set; set it, or run the model "
                f"here without {prefix}{key.upper()}"
            )
    name, variable = config["model"], f"{prefix}MODEL"
    if "/" not in name:
        raise ValueError(
            f"{variable} is {name!r}; set {prefix}BASE_URL to the endpoint that has it, or name a directory or a "
            "model of the hub, such as owner/model, to run it here"
        )
    try:
        # Imported here: an installation that only speaks to endpoints carries no torch.
        from moderation.chat import local_model  # noqa: PLC0415
    except ImportError as error:
        raise ValueError(
            f"{variable} is to run here, which needs torch and transformers; install tunegate[worker], or set "
            f"{prefix}BASE_URL to an endpoint that runs it"
        ) from error
    directory = directory_of(name, variable, revision=config.get("revision") or None)
    # A path is not the same everywhere; what it holds is pinned by a digest.
    loaded = local_model.load(directory, directory.name if directory == Path(name) else name, variable)
    if not plain and not loaded.tokenizer.chat_template:
        raise ValueError(
            f"{variable}: {directory} has no chat template; put the model's own there as chat_template.jinja"
        )
    return tuple(
        local_model.LocalChat(
            local=loaded, max_batch=size, template_arguments=_template_arguments(question), continues=False, plain=plain
        )
        for question in questions
    )


def _template_arguments(question: Mapping[str, object]) -> Mapping[str, object]:
    """What a server would hand to the chat template."""
    given = question.get("chat_template_kwargs", {})
    return given if isinstance(given, dict) else {}
