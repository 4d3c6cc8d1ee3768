"""One training run from `spec.json` to a sealed artefact; the flat story of the subprocess."""

import logging
import shutil
import sys
import time
import traceback
import warnings
from pathlib import Path

from transformers import AutoTokenizer
from transformers.utils import logging as transformers_logging

from moderation.injection.sealing import load as load_training_set
from trainers import artefacts
from trainers.bases import verified_path
from trainers.defences import in_force
from trainers.errors import TrainingFailed
from trainers.recipe import checkpoints, dpo, sft, weights
from trainers.recipe.failures import describe
from trainers.recipe.preparation import Bench, Rendered, steps_per_epoch
from trainers.recipe.progress import Progress
from trainers.rendering import Renderer
from trainers.run_directory import Order, RunDirectory
from trainers.types import FORMATS, Method

logger = logging.getLogger(__name__)


def run(directory: Path) -> None:
    """Train what `directory` orders, or go on from its last complete checkpoint, and leave a result or failure."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    transformers_logging.set_verbosity(logging.ERROR)
    # Libraries warn each other of coming renames; nobody who reads this log can act on that.
    warnings.simplefilter("ignore", FutureWarning)
    run_directory = RunDirectory(root=directory)
    order = run_directory.order()
    if order is None or run_directory.finished:
        return
    try:
        digest = train(run_directory, order)
    except Exception as exc:  # noqa: BLE001 - the worker boundary: every error ends as a failure that says what to do
        # Without the error's own text, which may quote training data.
        logger.error("stopped by %s\n%s", type(exc).__name__, "".join(traceback.format_tb(exc.__traceback__)))
        failure = describe(exc)
        if failure.code == "disk_full":
            # Room for the failure itself; nothing will be resumed from here.
            shutil.rmtree(run_directory.checkpoints, ignore_errors=True)
        run_directory.write_failure(failure)
    else:
        run_directory.write_result(digest)


def train(run: RunDirectory, order: Order) -> str:
    """Do the run and return the digest of its sealed artefact.

    Raises `TrainingFailed`, `BaseModelError` or `SealBroken`; other errors come from the libraries.
    """
    spec = order.spec
    base_path = verified_path(spec.base)
    training = load_training_set(Path(order.training_path), order.training_digest)
    if training.format is not FORMATS[spec.method]:
        raise TrainingFailed(
            "invalid_training_file", f"The training set has {training.format} rows, which '{spec.method}' cannot read."
        )
    tokenizer = AutoTokenizer.from_pretrained(base_path, trust_remote_code=False, local_files_only=True)
    model = weights.load_model(base_path, spec)
    limit = getattr(model.config, "max_position_embeddings", spec.max_length)
    bench = Bench(
        run=run,
        order=order,
        examples=Path(training.path) / "examples.jsonl",
        base_path=base_path,
        model=model,
        tokenizer=tokenizer,
        renderer=Renderer(tokenizer, max_length=min(spec.max_length, limit)),
    )
    prepared = dpo.prepare(bench) if spec.method is Method.DPO else sft.prepare(bench)
    rendered = prepared.rendered
    run.write("rendering.json", _counts(rendered))
    per_epoch = steps_per_epoch(spec, rendered)
    progress = Progress(run, prepared.validation, steps_per_epoch=per_epoch, clock=time.monotonic)
    trainer = prepared.build([progress])
    checkpoint = checkpoints.latest(run.checkpoints)
    logger.info("job %s: %d examples, from %s", spec.job_id, len(rendered), checkpoint and checkpoint.name)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if not weights.weights_are_finite(trainer):
        raise TrainingFailed(
            "loss_not_finite",
            "The last step left weights that are not finite numbers. Create the job again with a smaller "
            "learning_rate_multiplier.",
        )
    partial = run.root / "artefact.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    weights.save(trainer, spec, partial, base_path=base_path)
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


def _counts(rendered: Rendered) -> dict[str, object]:
    return {
        "n_examples": rendered.n_examples,
        "n_trained": len(rendered),
        "n_truncated": rendered.n_truncated,
        "n_untrained": rendered.n_untrained,
        "n_tokens": rendered.n_tokens,
    }
