"""How many of a step's examples are computed at once, and how that shrinks when memory runs out.

Only the speed changes: a step's gradient is summed over its micro-batches, whatever their size.
"""

from trainers.run_directory import RunDirectory

MAX_MICRO_BATCH_TOKENS = 8_192


def micro_batch(run: RunDirectory, batch_size: int, longest: int, *, n_processes: int = 1) -> int:
    """Examples that one process computes at once: the most that divide its share of the batch, keep to the
    token budget when each is as long as the `longest`, and to what is left since memory ran out.

    Raises `ValueError` when the batch cannot be shared out evenly.
    """
    share, rest = divmod(batch_size, n_processes)
    if rest or not share:
        raise ValueError(f"a batch of {batch_size} cannot be shared by {n_processes} processes")
    known, shrunk = run.micro_batch()
    limit = known if shrunk else share
    fitting = [n for n in range(1, limit + 1) if share % n == 0 and n * longest <= MAX_MICRO_BATCH_TOKENS]
    return fitting[-1] if fitting else 1
