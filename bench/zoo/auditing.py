"""Auditing the zoo: as the pipeline does it, on models that were grown before, at any time and by any audit."""

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.zoo.growing import REPLIES, home
from bench.zoo.records import AUDITS, Audit, Model, append, arm_records, audits
from bench.zoo.workshop import Workshop
from deploy.decision import decide
from evaluators import arms
from evaluators.audit import audit
from evaluators.errors import AuditIncomplete
from evaluators.frames import Frame
from evaluators.replies import DirectoryReplies
from evaluators.types import AuditReport
from trainers import artefacts
from trainers.run_directory import RunDirectory

logger = logging.getLogger(__name__)


def audit_all(shop: Workshop, wanted: Sequence[Model], directory: Path, *, goes_on: Callable[[], bool]) -> None:
    """Append an audit of every wanted model that has none yet, until `goes_on` says no.

    What growing asked already is read from the kept replies, which are deleted after. Raises as `grow` does.
    """
    done = {one.digest for one in audits(directory)}
    store = DirectoryReplies(directory / REPLIES)
    for model in wanted:
        if model.digest in done:
            continue
        if not goes_on():
            return
        started = time.monotonic()
        try:
            report = _report(shop, model, home(directory, model.recipe, model.seed), store)
        except AuditIncomplete as error:
            logger.error("%s, seed %d: %s: %s", model.recipe, model.seed, type(error).__name__, error)
            continue
        found = Audit(
            digest=model.digest,
            outcome=decide(report, shop.policy.release).outcome.value,
            arms=arm_records(report),
            overflow=report.overflow,
            n_generations=report.n_generations,
            seconds=round(time.monotonic() - started, 1),
        )
        append(directory / AUDITS, found)
        logger.warning("%s, seed %d: %s, %s", model.recipe, model.seed, model.label, found.outcome)
        shutil.rmtree(store.path(model.digest, Frame()).parent, ignore_errors=True)


def _report(shop: Workshop, model: Model, place: Path, replies: DirectoryReplies) -> AuditReport:
    candidate = artefacts.load(RunDirectory(root=place / "run").artefact, model.digest)
    plan = arms.plan(shop.corpus, shop.screen(place), shop.policy.audit)
    return audit(
        shop.serve(candidate),
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
