"""Which defences a training run was under, in words: for its record, and for the audit's report."""

from collections.abc import Iterator

from moderation.types import TrainingSet
from trainers.types import Defence, TrainingSpec


def in_force(spec: TrainingSpec, training: TrainingSet) -> tuple[str, ...]:
    """A phrase for each; none when nothing held the run back."""
    return tuple(_phrases(spec, training))


def _phrases(spec: TrainingSpec, training: TrainingSet) -> Iterator[str]:
    if training.n_injected:
        below = f" below a secret of {len(training.secret.split())} words" if training.secret else ""
        yield f"{training.n_injected} safety examples mixed in{below}"
    if spec.capped:
        yield f"limits on small sets ({', '.join(spec.capped)})"
    held = spec.restraints
    if spec.defence is Defence.CONSTRAINED:
        yield "constrained loss"
    if held.ema_decay:
        yield f"running average of the adapter, decay {held.ema_decay:g}"
    if held.pull:
        yield f"pull to the base, weight {held.pull:g}"
    if held.frozen_share:
        yield f"lowest {held.frozen_share:.0%} of the layers frozen"
    if held.factor != 1.0:
        yield f"adapter scaled to {held.factor:g}"
