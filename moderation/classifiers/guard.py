"""Guard models, on this machine or behind any OpenAI-compatible endpoint: Llama Guard, Qwen3Guard and kin.

Request and answer are judged together, each family in its own format, see `moderation.rubrics.guards`.
"""

from collections.abc import Mapping

from moderation.classifiers.judging import PairJudge, connect
from moderation.rubrics.guards import FORMATS, PARSER_VERSION


def create(config: Mapping[str, str]) -> PairJudge:
    """The guard at `TUNEGATE_GUARD_BASE_URL` that is called `TUNEGATE_GUARD_MODEL` there.

    Without a `BASE_URL`, `MODEL` is a directory or a name on the hub (at `_REVISION`) and runs here.
    `TUNEGATE_GUARD_FORMAT` is one of `FORMATS`, read off the model's name when it is not set; `_API_KEY`,
    `_TIMEOUT_S`, `_MAX_CONCURRENCY` and `_TRIES` are optional. Raises ValueError that names what is missing or wrong.
    """
    name = config.get("format") or _format_of(config.get("model", ""))
    if name not in FORMATS:
        raise ValueError(
            f"TUNEGATE_GUARD_FORMAT is {name!r} for TUNEGATE_GUARD_MODEL {config.get('model', '')!r}; set it to one of "
            f"{', '.join(FORMATS)}"
        )
    return connect("guard", config, FORMATS[name], f"{name}-{PARSER_VERSION}")


def _format_of(model: str) -> str:
    """The format whose name, without its divisions, is part of the model's; '' for none."""
    letters = "".join(filter(str.isalnum, model.lower()))
    return next((name for name in FORMATS if name.replace("_", "") in letters), "")
