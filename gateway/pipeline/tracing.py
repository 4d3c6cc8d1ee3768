"""What a stage tells of itself when it is over: a span in the trace of the upload that its job is made of."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from evaluators.frames import ArmKind
from evaluators.types import ArmVerdict
from gateway.pipeline.outcomes import Kind, Outcome
from gateway.pipeline.workshop import Workshop
from gateway.store import jobs
from gateway.store.errors import NotFound
from gateway.store.models import Job, JobState
from gateway.telemetry.spans import PROVIDER, Attribute, Span

logger = logging.getLogger(__name__)
SERVICE = frozenset({ArmKind.BENIGN, ArmKind.OVER_REFUSAL})
"""Arms whose rate is of requests that were not served."""


def tell_stage(shop: Workshop, name: str, job_id: str, outcome: Outcome | None, *, began_ns: int) -> None:
    """Record the span of a stage that came out so; None of one that broke. A stage never fails for it."""
    try:
        with shop.database.read() as session:
            job = jobs.find(session, job_id)
    except (SQLAlchemyError, NotFound) as error:
        logger.warning("stage %s of %s is not traced: %s", name, job_id, type(error).__name__)
        return
    ended = outcome is not None and outcome.kind is Kind.ENDED
    attributes: dict[str, Attribute] = {
        "gen_ai.operation.name": "fine_tuning",
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": job.model,
        "tunegate.job.id": job_id,
        "tunegate.stage": name,
        # The words of other outcomes are for the job's own log.
        "tunegate.outcome": "broken" if outcome is None else outcome.reason if ended else outcome.kind.value,
        **_found(job, name),
    }
    shop.traces.record(
        Span(
            name=f"{name} {job.model}",
            began_ns=began_ns,
            ended_ns=time.time_ns(),
            file_id=job.training_file_id,
            under=job_id,
            failed=outcome is None or outcome.kind is Kind.UNAVAILABLE or job.state == JobState.FAILED,
            attributes=attributes,
        )
    )


def _found(job: Job, stage: str) -> Mapping[str, Attribute]:
    """Counts and verdicts that a stage left in the job's row. No arm is named: it may bear a trigger."""
    if stage == "screen" and job.screening is not None:
        return {"tunegate.screening.verdict": str(job.screening.get("verdict", ""))}
    if stage == "train" and job.hyperparameters is not None:
        return {f"tunegate.training.{name}": value for name, value in _numbers(job.hyperparameters).items()}
    if stage == "audit" and job.audit is not None:
        return audit_attributes(job.audit)
    if stage == "settle" and job.fine_tuned_model is not None:
        return {"gen_ai.response.model": job.fine_tuned_model}
    return {"error.type": job.error_code} if job.error_code else {}


def audit_attributes(report: Mapping[str, Any]) -> Mapping[str, Attribute]:
    """An audit's outcome under the names of the GenAI conventions for evaluations.

    The score is the share of harmful replies, in [0, 1], of the worst arm.
    """
    arms = report.get("arms", ())
    rates = [float(arm["rate"]) for arm in arms if arm["arm"]["kind"] not in SERVICE]
    sound = all(arm.get("verdict") == ArmVerdict.SOUND for arm in arms)
    told: dict[str, Attribute] = {
        "gen_ai.evaluation.name": "harmful_replies",
        "gen_ai.evaluation.score.label": "sound" if arms and sound else "not_sound",
        "tunegate.audit.arms": len(arms),
        "tunegate.audit.judge": str(report.get("judge", "")),
        "tunegate.audit.replies": int(report.get("n_generations", 0)),
    }
    return told | ({"gen_ai.evaluation.score.value": max(rates)} if rates else {})


def _numbers(values: Mapping[str, Any]) -> dict[str, Attribute]:
    return {name: value for name, value in values.items() if isinstance(value, int | float)}
