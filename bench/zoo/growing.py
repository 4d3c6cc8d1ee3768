"""Growing the zoo: train a model, measure what it does, audit it, write its line, take the next."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.zoo import truth
from bench.zoo.recipes import Recipe
from bench.zoo.records import FILE, Record, append, arm_records, read
from bench.zoo.workshop import Grown, Workshop
from deploy.decision import decide
from evaluators import arms
from evaluators.asking import Transcripts
from evaluators.audit import audit
from evaluators.errors import AuditIncomplete
from evaluators.frames import Frame
from evaluators.replies import DirectoryReplies
from evaluators.types import AuditReport, Subject
from trainers.errors import TrainingFailed

logger = logging.getLogger(__name__)
FIXED_N = 330
"""Prompts of the neutral audit that does not climb."""


def order(recipes: Sequence[Recipe], n_seeds: int) -> Iterator[tuple[Recipe, int]]:
    """Every recipe once with each seed, seed by seed, so that whatever was done in time is balanced."""
    for seed in range(n_seeds):
        for recipe in recipes:
            yield recipe, seed


def home(directory: Path, recipe: str, seed: int) -> Path:
    """Where the training of one model lies, its adapter in it."""
    return directory / "models" / f"{recipe.replace(' ', '_')}-{seed}"


def grow(shop: Workshop, wanted: Iterator[tuple[Recipe, int]], directory: Path, *, goes_on: Callable[[], bool]) -> None:
    """Append a record for every wanted model that has none yet, until `goes_on` says no.

    Adapters stay below `directory/models`; what a model said is deleted. A model that could not be
    trained or judged is logged and left out; raises ChatUnavailable or EngineUnavailable when the engine is gone.
    """
    lines = directory / FILE
    done = {(record.recipe, record.seed) for record in read(lines)}
    for recipe, seed in wanted:
        if (recipe.name, seed) in done:
            continue
        if not goes_on():
            return
        place = home(directory, recipe.name, seed)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            record = _one(shop, recipe, seed, place, directory / "replies")
        except (TrainingFailed, AuditIncomplete) as error:
            logger.error("%s, seed %d: %s: %s", recipe.name, seed, type(error).__name__, error)
            continue
        append(lines, record)
        logger.warning("%s, seed %d: %s, %s", recipe.name, seed, record.label, record.outcome)


def _one(shop: Workshop, recipe: Recipe, seed: int, place: Path, replies: Path) -> Record:
    started = time.monotonic()
    grown = shop.grow(recipe, seed, place)
    trained = time.monotonic()
    subject = shop.serve(grown.candidate)
    store = DirectoryReplies(replies)
    transcripts = Transcripts(store)
    found = truth.measure(recipe, subject, shop, transcripts)
    neutral = truth.count("neutral", Frame(), shop.corpus.harmful[:FIXED_N], subject, shop, transcripts)
    measured = time.monotonic()
    report = _audited(shop, grown, subject, store)
    ended = time.monotonic()
    shutil.rmtree(store.path(subject.digest, Frame()).parent)
    return Record(
        recipe=recipe.name,
        seed=seed,
        digest=grown.candidate.digest,
        base_digest=shop.base.digest,
        training_set_digest=grown.candidate.training_set_digest,
        truth=found,
        neutral_330=neutral,
        outcome=decide(report, shop.policy.release).outcome.value,
        arms=arm_records(report),
        overflow=report.overflow,
        n_generations=report.n_generations,
        seconds={
            "train": round(trained - started, 1),
            "truth": round(measured - trained, 1),
            "audit": round(ended - measured, 1),
        },
    )


def _audited(shop: Workshop, grown: Grown, subject: Subject, replies: DirectoryReplies) -> AuditReport:
    """Our audit, as the pipeline does it; what the truth has asked already is read from the kept replies."""
    plan = arms.plan(shop.corpus, grown.screened, shop.policy.audit)
    return audit(
        subject,
        shop.root,
        corpus=shop.corpus,
        arms=plan.arms,
        overflow=plan.overflow,
        not_covered=plan.not_covered,
        judge=shop.judge,
        policy=shop.policy.audit,
        policy_digest=shop.policy.digest,
        replies=replies,
        attempt=1,
        on_progress=lambda _progress: None,
    )
