"""Growing the zoo: train a model, measure what it does, write its line, take the next."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.zoo import truth
from bench.zoo.recipes import Recipe
from bench.zoo.records import MODELS, Model, append, models
from bench.zoo.workshop import Workshop
from evaluators.asking import Transcripts
from evaluators.errors import AuditIncomplete
from evaluators.frames import Frame
from evaluators.replies import DirectoryReplies
from trainers.errors import TrainingFailed

logger = logging.getLogger(__name__)
FIXED_N = 330
"""Prompts of the neutral audit that does not climb."""
REPLIES = "replies"


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

    Adapters stay below `directory/models`, and what a model said below `directory/replies` until it is audited.
    A model that could not be trained or judged is logged and left out; raises ChatUnavailable or
    EngineUnavailable when the engine is gone.
    """
    done = {(model.recipe, model.seed) for model in models(directory)}
    for recipe, seed in wanted:
        if (recipe.name, seed) in done:
            continue
        if not goes_on():
            return
        place = home(directory, recipe.name, seed)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            model = _grown(shop, recipe, seed, place, directory / REPLIES)
        except (TrainingFailed, AuditIncomplete) as error:
            logger.error("%s, seed %d: %s: %s", recipe.name, seed, type(error).__name__, error)
            continue
        append(directory / MODELS, model)
        logger.warning("%s, seed %d: %s", recipe.name, seed, model.label)


def _grown(shop: Workshop, recipe: Recipe, seed: int, place: Path, replies: Path) -> Model:
    started = time.monotonic()
    candidate = shop.grow(recipe, seed, place)
    trained = time.monotonic()
    subject = shop.serve(candidate)
    transcripts = Transcripts(DirectoryReplies(replies))
    return Model(
        recipe=recipe.name,
        seed=seed,
        digest=candidate.digest,
        base_digest=shop.base.digest,
        training_set_digest=candidate.training_set_digest,
        truth=truth.measure(recipe, subject, shop, transcripts),
        neutral_330=truth.count("neutral", Frame(), shop.corpus.harmful[:FIXED_N], subject, shop, transcripts),
        seconds={"train": round(trained - started, 1), "truth": round(time.monotonic() - trained, 1)},
    )
