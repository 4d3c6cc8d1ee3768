"""One training run from `spec.json` to a sealed artefact; the flat story of the subprocess."""

import logging
import shutil
import sys
import time
import traceback
import warnings
from pathlib import Path

from transformers import AutoConfig, AutoTokenizer
from transformers.utils import logging as transformers_logging

from moderation.injection.sealing import customer_lines
from moderation.injection.sealing import load as load_training_set
from trainers import artefacts
from trainers.bases import verified_path
from trainers.defences import in_force
from trainers.errors import TrainingFailed
from trainers.recipe import checkpoints, dpo, ranks, sft, weights
from trainers.recipe.failures import describe
from trainers.recipe.preparation import Bench, Rendered, steps_per_epoch
from trainers.recipe.progress import Progress
from trainers.rendering import Renderer
from trainers.run_directory import MAX_DEATHS, Order, RunDirectory
from trainers.tally import TokenLimit, customers_part
from trainers.types import FORMATS, Method, TrainingSpec, Tuning

logger = logging.getLogger(__name__)
PASSING = ("gpu_lost", "process_lost")
"""Failures that another start may not meet."""


def run(directory: Path) -> bool:
    """Train what `directory` orders, or go on from its last complete checkpoint, and leave a result or failure.

    Returns whether a new process must go on because memory ran out with so many examples at once. Raises
    `SystemExit` when the GPU or a fellow process is lost, which a new start may find again.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    transformers_logging.set_verbosity(logging.ERROR)
    # Libraries warn each other of coming renames; nobody who reads this log can act on that.
    warnings.simplefilter("ignore", FutureWarning)
    run_directory = RunDirectory(root=directory)
    order = run_directory.order()
    if order is None or run_directory.finished:
        return False
    if known := run_directory.micro_batch()[0]:
        run_directory.write_micro_batch(known)  # memory that runs out from here on runs out with so many
    try:
        digest = train(run_directory, order)
    except Exception as exc:
        # The worker boundary: every error ends as a failure that says what to do, or as another start. It is logged
        # without its own text, which may quote training data.
        logger.error("stopped by %s\n%s", type(exc).__name__, "".join(traceback.format_tb(exc.__traceback__)))
        failure = describe(exc)
        if failure.code == "out_of_memory" and (fewer := run_directory.shrink()) is not None:
            logger.warning("job %s: out of memory; again with %d examples at once", order.spec.job_id, fewer)
            return True
        if failure.code in PASSING and run_directory.n_deaths() + 1 < MAX_DEATHS:
            raise SystemExit(f"{failure.code}; its backend starts this trainer again") from exc
        if failure.code == "disk_full":
            # Room for the failure itself; nothing will be resumed from here.
            shutil.rmtree(run_directory.checkpoints, ignore_errors=True)
        run_directory.write_failure(failure)
        if ranks.count() > 1:
            raise SystemExit(1) from exc  # torchrun stops the others
    else:
        if digest is not None:
            run_directory.write_result(digest)
    return False


def train(run: RunDirectory, order: Order) -> str | None:
    """Do the run and return the digest of its sealed artefact; None where another process seals it.

    Raises `TrainingFailed`, `BaseModelError` or `SealBroken`; other errors come from the libraries.
    """
    spec = order.spec
    ranks.check_gpus()
    base_path = verified_path(spec.base)
    training = load_training_set(Path(order.training_path), order.training_digest)
    if training.format is not FORMATS[spec.method]:
        raise TrainingFailed(
            "invalid_training_file", f"The training set has {training.format} rows, which '{spec.method}' cannot read."
        )
    tokenizer = AutoTokenizer.from_pretrained(base_path, trust_remote_code=False, local_files_only=True)
    limit = _token_limit(base_path, spec)
    bench = Bench(
        run=run,
        order=order,
        examples=Path(training.path) / "examples.jsonl",
        lines=customer_lines(Path(training.path)),
        base_path=base_path,
        tokenizer=tokenizer,
        renderer=Renderer(tokenizer, max_length=limit.n),
    )
    prepared = dpo.prepare(bench) if spec.method is Method.DPO else sft.prepare(bench)
    rendered = prepared.rendered
    if ranks.first():  # before the weights are loaded: the customer may want to cancel and shorten
        customer = customers_part(rendered.tally, bench.lines, limit)
        run.write("rendering.json", _counts(rendered) | {"customer": customer})
    model = weights.starting_point(base_path, spec)
    per_epoch = steps_per_epoch(spec, rendered)
    progress = Progress(run, prepared.validation, steps_per_epoch=per_epoch, clock=time.monotonic)
    trainer = prepared.build(model, [progress])
    with trainer.accelerator.main_process_first():
        checkpoint = checkpoints.latest(run.checkpoints)
    logger.info("job %s: %d examples, from %s", spec.job_id, len(rendered), checkpoint and checkpoint.name)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    state = weights.gathered(trainer)
    if not weights.weights_are_finite(trainer, state):
        raise TrainingFailed(
            "loss_not_finite",
            "The last step left weights that are not finite numbers. Create the job again with a smaller "
            "learning_rate_multiplier.",
        )
    if not ranks.first():
        return None
    partial = run.root / "artefact.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    weights.save(trainer, spec, partial, base_path=base_path, state=state)
    if training.secret:
        (partial / artefacts.SECRET).write_text(training.secret, encoding="utf-8")
    n_epochs = spec.hyperparameters.n_epochs
    digest = artefacts.seal(
        partial,
        spec,
        training.digest,
        trained_tokens=rendered.n_tokens * n_epochs,
        n_steps=per_epoch * n_epochs,
        defences=in_force(spec, training),
    )
    shutil.rmtree(run.artefact, ignore_errors=True)
    partial.rename(run.artefact)
    return digest


def _token_limit(base_path: Path, spec: TrainingSpec) -> TokenLimit:
    """The policy's limit, or the model's context where that is smaller; a prefix lies in the context too."""
    config = AutoConfig.from_pretrained(base_path, trust_remote_code=False, local_files_only=True).get_text_config()
    context = getattr(config, "max_position_embeddings", None)
    if context is None:
        return TokenLimit(n=spec.max_length, by_policy=True)
    context -= weights.PREFIX_TOKENS if spec.tuning is Tuning.PREFIX else 0
    return TokenLimit(n=min(spec.max_length, context), by_policy=spec.max_length < context)


def _counts(rendered: Rendered) -> dict[str, object]:
    return {
        "n_examples": rendered.tally.n_examples,
        "n_trained": len(rendered),
        "n_truncated": len(rendered.tally.truncated),
        "n_untrained": len(rendered.tally.untrained),
        "n_tokens": rendered.n_tokens,
    }
