"""Watches the files of released models and of their bases: what changes sends a model back into the hold in seconds."""

import logging
from collections.abc import Callable

from gateway.store import released
from gateway.store.decisions import POLICY
from gateway.store.models import Model
from gateway.verifying import Verifier

logger = logging.getLogger(__name__)


class ReleasedWatch:
    """Verifies each released model when it is first seen, and again when its files look changed.

    To look is to list names, sizes and times, which is cheap; only what changed is read. A change
    that hides from a listing is found when an engine loads the model, or by `tunegate verify`.
    """

    def __init__(self, verifier: Verifier, now: Callable[[], int]) -> None:
        self._verifier = verifier
        self._now = now
        self._seen: dict[str, str] = {}

    def look(self) -> None:
        """One look at every released model that is not held already."""
        with self._verifier.database.read() as session:
            models = [model for model in released.every(session) if model.held_at is None]
        for model in models:
            try:
                self._look_at(model)
            except OSError as error:  # the blob store is away: nothing is known against the model
                logger.warning("the files of %s cannot be looked at: %s", model.digest, type(error).__name__)

    def _look_at(self, model: Model) -> None:
        looks = self._verifier.blobs.listing(model.artefact_key) + self._verifier.bases.looks(model.base_name)
        if self._seen.get(model.name) != looks:
            found = self._verifier.verify_or_hold(model, actor=POLICY, now=self._now())
            if not found.problems:
                self._seen[model.name] = looks
