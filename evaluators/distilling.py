"""Context distillation: a model's own safe answers, given under a safety prompt, as safety examples without it.

Source: Touvron et al. (2023), Llama 2, arXiv 2307.09288, section 4.2.4 and appendix A.4.2; the idea is of Askell et al.
(2021), arXiv 2112.00861. The model is asked several times for each request, the prompt is dropped, and the
judge chooses among the answers: only a refusal that every judge has scored 1 is kept. What nobody judged is dropped.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from evaluators.asking import score
from evaluators.degeneration import degenerate
from evaluators.types import Corpus, Judge, Request
from evaluators.verdicts import Judgement, Scored, Unscored
from moderation.chat import ChatModel, Finish, Reply, Sampling
from moderation.chat.types import Turn
from moderation.errors import ChatUnavailable
from moderation.types import Role, SafetyExample

BATCH = 64
"""Requests between two reports of progress."""
SAMPLES, TEMPERATURE = 4, 1.0
"""Answers a request, and how freely they are drawn, where nobody wants otherwise."""
OPENING_WORDS = 4
REFUSAL = 1
"""The score of a refusal, on every judge's scale of 1 to 5."""


class Dropped(StrEnum):
    """Why a sample is no safety example."""

    UNFINISHED = "unfinished"
    """Cut by the token limit or a filter."""
    DEGENERATE = "degenerate"
    """Empty, or going in circles."""
    UNJUDGED = "unjudged"
    """At least one judge did not score it."""
    HARMFUL = "harmful"
    """At least one judge found full compliance."""
    NO_REFUSAL = "no_refusal"
    """Neither: a warning, a deflection, half an answer."""
    SPARE = "spare"
    """Fit, and another sample of the request was taken."""


class Skipped(StrEnum):
    """Why a request was not asked."""

    IN_BANK = "in_bank"
    """It is a prompt of the audit: its answer would be learnt by heart."""
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Distilled:
    """What came of it. Requests are kept, without a fit sample, or skipped; samples are kept or dropped."""

    rows: tuple[SafetyExample, ...]
    n_requests: int
    n_samples: int
    without: int
    """Requests of which no sample was fit."""
    dropped: Mapping[Dropped, int]
    skipped: Mapping[Skipped, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the model is asked."""

    safety_prompt: str
    n_samples: int
    """A request."""
    sampling: Sampling


def shipped(corpus: Corpus) -> tuple[Request, ...]:
    """The requests of a corpus's own safety examples."""
    return tuple(Request(id=row.id, text=row.request, category=row.category) for row in corpus.safety)


def distil(
    model: ChatModel,
    requests: Sequence[Request],
    judges: Sequence[Judge],
    corpus: Corpus,
    recipe: Recipe,
    on_progress: Callable[[int, int], None] = lambda _done, _planned: None,
) -> Distilled:
    """One safety example for each request of which a sample is fit; of several the one that opens least like others.

    Requests need a category. `on_progress` hears of requests done and planned. Raises `ValueError` without a
    judge or a safety prompt, `ChatUnavailable` and `JudgeUnavailable`: nothing is made of half of the answers.
    """
    if not judges:
        raise ValueError("no judge: what nobody judged is no safety example")
    if not recipe.safety_prompt.strip():
        raise ValueError("the safety prompt is empty; without one there is nothing to distil")
    asked, skipped = _asked(requests, corpus)
    rows: list[SafetyExample] = []
    dropped: Counter[Dropped] = Counter()
    openings: Counter[str] = Counter()
    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        for request, samples in zip(batch, _samples(model, batch, recipe, start), strict=True):
            reasons = _reasons(request, samples, judges)
            dropped.update(reason for reason in reasons if reason is not None)
            fit = [reply.text.strip() for reply, reason in zip(samples, reasons, strict=True) if reason is None]
            if not fit or request.category is None:
                continue
            taken = min(fit, key=lambda text: openings[_opening(text)])
            openings[_opening(taken)] += 1
            dropped[Dropped.SPARE] += len(fit) - 1
            rows.append(SafetyExample(id=request.id, category=request.category, request=request.text, refusal=taken))
        on_progress(min(start + BATCH, len(asked)), len(asked))
    return Distilled(
        rows=tuple(rows),
        n_requests=len(requests),
        n_samples=len(asked) * recipe.n_samples,
        without=len(asked) - len(rows),
        # Plain dicts: a Counter does not survive `dataclasses.asdict`.
        dropped=dict(+dropped),
        skipped=dict(skipped),
    )


def _asked(requests: Sequence[Request], corpus: Corpus) -> tuple[list[Request], Mapping[Skipped, int]]:
    bank = {_plain(request.text) for request in corpus.harmful}
    seen: set[str] = set()
    asked: list[Request] = []
    skipped: Counter[Skipped] = Counter()
    for request in requests:
        text = _plain(request.text)
        if text in bank:
            skipped[Skipped.IN_BANK] += 1
        elif text in seen:
            skipped[Skipped.REPEATED] += 1
        else:
            seen.add(text)
            asked.append(request)
    return asked, skipped


def _samples(model: ChatModel, batch: Sequence[Request], recipe: Recipe, start: int) -> list[list[Reply]]:
    """Every sample of every request, each from a seed of its own."""
    system = Turn(role=Role.SYSTEM, text=recipe.safety_prompt)
    prompts = [(system, Turn(role=Role.USER, text=request.text)) for request in batch for _ in range(recipe.n_samples)]
    seed = recipe.sampling.seed + start * recipe.n_samples
    sampling = Sampling(
        max_tokens=recipe.sampling.max_tokens,
        temperature=recipe.sampling.temperature,
        top_p=recipe.sampling.top_p,
        seed=seed,
    )
    replies = model.complete(prompts, sampling)
    if len(replies) != len(prompts):
        raise ChatUnavailable(f"{model.identity} gave {len(replies)} replies to {len(prompts)} prompts")
    n = recipe.n_samples
    return [list(replies[place * n : (place + 1) * n]) for place in range(len(batch))]


def _reasons(request: Request, samples: Sequence[Reply], judges: Sequence[Judge]) -> list[Dropped | None]:
    """Why each sample is not fit; None where it is. Judges see the bare request, and none of the prompt."""
    pairs = [(request, reply) for reply in samples]
    verdicts = zip(*(score(judge, pairs) for judge in judges), strict=True)
    return [_reason(reply, said) for reply, said in zip(samples, verdicts, strict=True)]


def _reason(reply: Reply, said: Sequence[Judgement]) -> Dropped | None:
    if reply.finish is not Finish.STOP:
        return Dropped.UNFINISHED
    if degenerate(reply.text):
        return Dropped.DEGENERATE
    if any(isinstance(judgement, Unscored) for judgement in said):
        return Dropped.UNJUDGED
    scored = [judgement for judgement in said if isinstance(judgement, Scored)]
    if any(judgement.harmful for judgement in scored):
        return Dropped.HARMFUL
    return None if all(judgement.score == REFUSAL for judgement in scored) else Dropped.NO_REFUSAL


def _opening(text: str) -> str:
    return " ".join(text.lower().split()[:OPENING_WORDS])


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
