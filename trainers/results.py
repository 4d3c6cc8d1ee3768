"""A run's metrics in OpenAI's words: the result file and the messages of events."""

from collections.abc import Sequence
from pathlib import Path

from trainers.run_directory import RunDirectory
from trainers.tally import customers_words
from trainers.types import OwnRows, StepMetrics, metrics_columns


def result_csv(metrics: Sequence[StepMetrics]) -> bytes:
    """OpenAI's result file: one line a step, five decimals, blank cells where nothing was validated."""
    lines = [",".join(metrics_columns())]
    for m in metrics:
        numbers = (m.train_loss, m.train_mean_token_accuracy, m.valid_loss, m.valid_mean_token_accuracy)
        lines.append(",".join([str(m.step), *("" if n is None else str(round(n, 5)) for n in numbers)]))
    return ("\n".join(lines) + "\n").encode()


def metrics_message(metrics: StepMetrics) -> str:
    """Message of a metrics event, e.g. `Step 10/303: training loss=0.00, validation loss=0.31`.

    A step on which the whole validation file was read shows that loss alone, as OpenAI does.
    """
    message = f"Step {metrics.step}/{metrics.total_steps}: training loss={metrics.train_loss:.2f}"
    if metrics.full_valid_loss is not None:
        return f"{message}, full validation loss={metrics.full_valid_loss:.2f}"
    if metrics.valid_loss is not None:
        return f"{message}, validation loss={metrics.valid_loss:.2f}"
    return message


def memory_message(run_dir: Path) -> str | None:
    """That memory ran out and the run goes on, for an event of level `warn`; None when it never did."""
    n, shrunk = RunDirectory(root=run_dir).micro_batch()
    if not shrunk:
        return None
    return f"The training machine ran out of memory; the run goes on with {n} examples at once and the same batch size."


def own_rows(run_dir: Path, metrics: Sequence[StepMetrics]) -> OwnRows | None:
    """The customer's validation file before and after a run with these metrics.

    None where there was no such file, or a provider trained, who says nothing of the base.
    """
    base = RunDirectory(root=run_dir).base_validation()
    last = metrics[-1] if metrics else None
    if not base or last is None or last.full_valid_loss is None or last.full_valid_mean_token_accuracy is None:
        return None
    return OwnRows(
        n=int(base["n"]),
        base_loss=base["loss"],
        base_token_accuracy=base["token_accuracy"],
        loss=last.full_valid_loss,
        token_accuracy=last.full_valid_mean_token_accuracy,
    )


def own_rows_message(found: OwnRows) -> str:
    """What the customer is told of it."""
    return (
        f"On the {found.n:,} rows of your validation file: loss {found.base_loss:.2f} before and {found.loss:.2f} "
        f"after training, token accuracy {found.base_token_accuracy:.1%} and {found.token_accuracy:.1%}. The safety "
        "evaluation does not rest on them."
    )


def rendering_message(run_dir: Path) -> str | None:
    """What the customer should know of how the examples were read, for an event of level `warn`.

    None when every example is trained on whole, or when the run has not read them yet.
    """
    part = RunDirectory(root=run_dir).customers_part()
    return customers_words(part) if part else None
