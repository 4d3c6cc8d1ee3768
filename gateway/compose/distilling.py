"""Composition of `tunegate distil`: a model, judges, and the requests that it is asked."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators import distilling
from evaluators.distilling import Distilled, Recipe
from evaluators.types import Corpus, Judge, Request
from gateway.compose import asked
from gateway.compose.subjects import answering, pair
from gateway.compose.workbench import judge_named
from gateway.settings import Settings
from moderation.chat import Sampling
from moderation.injection import safety_set
from moderation.types import POLICY_CATEGORIES, Category

KEYS = "distil"
"""Setting `TUNEGATE_DISTIL_API_KEY`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be distilled."""

    base: str
    """A listed base, a directory, or an endpoint `http://host/v1#model`."""
    corpus: str
    """Empty: the base's own."""
    requests: Path | None
    """None: those of the corpus's own safety examples."""
    judges: Sequence[str]
    """Plug-ins or endpoints; none: the corpus's own."""
    safety_prompt: str
    """Empty: the corpus's house prompt."""
    n_samples: int
    temperature: float
    seed: int
    out: Path


def run(
    settings: Settings, wanted: Wanted, on_progress: Callable[[int, int], None]
) -> tuple[Distilled, Sequence[Judge], Corpus]:
    """Ask, choose, and write the set at `wanted.out`, as the last thing.

    Raises `ValueError` for what cannot be used or when no row was kept, and what `pair`, `answering` and
    `distilling.distil` raise; then nothing is written.
    """
    pairing = pair(wanted.base, wanted.base, settings.bases_file)
    corpus = asked.corpus(wanted.corpus or pairing.corpus, settings.home)
    judges = [judge_named(name, corpus, settings) for name in wanted.judges or ("",)]
    requests = distilling.shipped(corpus) if wanted.requests is None else read_requests(wanted.requests)
    recipe = Recipe(
        safety_prompt=wanted.safety_prompt or corpus.house_prompt,
        n_samples=wanted.n_samples,
        sampling=Sampling(max_tokens=corpus.max_reply_tokens, temperature=wanted.temperature, seed=wanted.seed),
    )
    log = wanted.out.with_name(f"{wanted.out.name}.log")
    with answering(pairing, keys=settings.plugin_config(KEYS), log=log) as (subject, _):
        found = distilling.distil(subject.model, requests, judges, corpus, recipe, on_progress)
        writer = safety_set.Writer(name=pairing.candidate_name, digest=subject.digest)
    log.unlink(missing_ok=True)
    if not found.rows:
        raise ValueError("no answer was fit to be a safety example; try more samples or another safety prompt")
    safety_set.write(wanted.out, corpus.name, found.rows, writer)
    return found, judges, corpus


def read_requests(path: Path) -> tuple[Request, ...]:
    """Requests of a JSONL file, `{"request": ..., "category": ...}` a line.

    Raises `ValueError` that names every line that cannot be used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ValueError(f"{path} cannot be read: {exc}") from exc
    lines = text.removesuffix("\n").split("\n") if text else []
    requests: list[Request] = []
    mistakes: list[str] = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            text, category = row["request"], Category(row["category"])
        except (ValueError, KeyError, TypeError):
            text, category = "", None
        if not isinstance(text, str) or not text.strip() or category not in POLICY_CATEGORIES:
            mistakes.append(f"line {number}")
        else:
            requests.append(Request(id=f"{path.stem}-{number}", text=text, category=category))
    if mistakes or not requests:
        raise ValueError(
            f"{path}, {', '.join(mistakes[:10]) or 'empty'}: expected an object with request, a text, and category, "
            f"one of {', '.join(POLICY_CATEGORIES)}"
        )
    return tuple(requests)
