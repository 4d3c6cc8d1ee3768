"""The safety set that an experiment's base writes itself: made once, as `tunegate distil` makes one, and kept."""

import threading
from collections.abc import Sequence
from pathlib import Path

from evaluators.distilling import SAMPLES, TEMPERATURE, Recipe, distil, shipped
from evaluators.types import Corpus, Judge, Subject
from moderation.chat import Sampling
from moderation.injection import safety_set
from moderation.types import SafetyExample


class OwnSafety:
    """Called for the set, by any thread; the first call asks the base."""

    def __init__(self, path: Path, base: Subject, judge: Judge, corpus: Corpus) -> None:
        self._path = path
        self._base = base
        self._judge = judge
        self._corpus = corpus
        self._alone = threading.Lock()

    def __call__(self) -> Sequence[SafetyExample]:
        """Raises what `evaluators.distilling.distil` raises, and `ValueError` when no answer was fit."""
        with self._alone:
            if not self._path.exists():
                self._write()
            return safety_set.read(self._path).rows

    def _write(self) -> None:
        sampling = Sampling(max_tokens=self._corpus.max_reply_tokens, temperature=TEMPERATURE)
        recipe = Recipe(safety_prompt=self._corpus.house_prompt, n_samples=SAMPLES, sampling=sampling)
        found = distil(self._base.model, shipped(self._corpus), [self._judge], self._corpus, recipe)
        if not found.rows:
            raise ValueError("the base gave no answer that is fit to be a safety example")
        partial = self._path.with_suffix(".partial")
        safety_set.write(partial, self._corpus.name, found.rows)
        partial.replace(self._path)
