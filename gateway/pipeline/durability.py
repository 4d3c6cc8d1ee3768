"""The workflow engine under the pipeline: DBOS on SQLite or Postgres, with JSON for every value.

A worker has an id that outlives the process: when it starts again, DBOS hands it the workflows that
it had. Those of a worker that does not come back are taken over by another.
"""

import asyncio
import json
import logging
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID

from gateway.pipeline.outcomes import Kind, Outcome
from gateway.pipeline.story import Stages, Story
from gateway.telemetry.logs import about

PIPELINE_VERSION = "1"
"""Raise it when the order or the meaning of steps changes: a workflow goes on only under the version
that began it."""
QUEUE = "jobs"
TOPIC = "wake"
HEAVY = ("screen", "inject", "train", "audit", "remedy")
"""Stages that count against the jobs a worker runs at once."""
LOST = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")

logger = logging.getLogger(__name__)


class StepError(Exception):
    """An error that a durable step ended with, as it was written down."""


class JsonValues:
    """DBOS's serializer: JSON in place of pickle, so that the database holds nothing executable."""

    def serialize(self, data: Any) -> str:
        """Plain values as JSON; an exception as its type and words."""
        if isinstance(data, BaseException):
            data = {"__error__": f"{type(data).__name__}: {data}"}
        return json.dumps(data)

    def deserialize(self, serialized_data: str) -> Any:
        """What `serialize` was given; tuples come back as lists, exceptions as `StepError`."""
        value = json.loads(serialized_data)
        if isinstance(value, dict) and "__error__" in value:
            return StepError(value["__error__"])
        return value

    def name(self) -> str:
        """Stored beside every value."""
        return "json_values"


class Durability:
    """The durable side of one worker process. Make one, `launch` it inside the running event loop."""

    def __init__(self, stages: Stages, *, database_url: str, worker_id: str, jobs_at_once: int) -> None:
        self._stages = stages
        self._slots = asyncio.Semaphore(jobs_at_once)
        self._worker_id = worker_id
        DBOS(
            config=DBOSConfig(
                name="tunegate",
                system_database_url=database_url,
                executor_id=worker_id,
                application_version=PIPELINE_VERSION,
                serializer=JsonValues(),  # type: ignore[typeddict-item]  # the protocol is structural
                log_level="WARNING",
                enable_otlp=False,
                notification_listener_polling_interval_sec=0.5,
            )
        )
        story = Story(step=self._step, pause=self._pause)

        async def fine_tune(job_id: str) -> str:
            return await story.fine_tune(job_id)

        self._fine_tune = DBOS.workflow(name="fine_tune")(fine_tune)

    async def launch(self) -> None:
        """Start executing; workflows that this worker had when it died go on."""
        DBOS.launch()
        await DBOS.register_queue_async(QUEUE, polling_interval_sec=0.25)

    async def enqueue(self, job_id: str) -> None:
        """Start a job's workflow. The job's id is the workflow's, so doing it twice does it once."""
        with SetWorkflowID(job_id):
            await DBOS.enqueue_workflow_async(QUEUE, self._fine_tune, job_id)

    async def wake(self, job_id: str, reason: str) -> None:
        """End a job's pause, once for each reason."""
        await DBOS.send_async(job_id, reason, TOPIC, idempotency_key=f"{job_id}:{reason}")

    async def take_over(self, dead_worker_id: str) -> int:
        """Go on with the workflows of a worker that died; returns how many there were."""
        pending = await DBOS.list_workflows_async(executor_id=dead_worker_id, status="PENDING", load_input=False)
        for workflow in pending:
            await DBOS.resume_workflow_async(workflow.workflow_id, queue_name=QUEUE)
        return len(pending)

    async def fate(self, job_id: str) -> str | None:
        """`lost` when the workflow ended without ending the job, None when there is none, else `alive`."""
        found = await DBOS.list_workflows_async(workflow_ids=[job_id], load_input=False, load_output=False)
        if not found:
            return None
        return "lost" if found[0].status in (*LOST, "SUCCESS") else "alive"

    def destroy(self) -> None:
        """Let go of the engine; what was in flight runs again at the next start."""
        DBOS.destroy(destroy_registry=True)

    async def _step(self, stage: str, *texts: str) -> Outcome:
        values: Mapping[str, str | float] = await DBOS.run_step_async({"name": stage}, self._attempt, stage, *texts)
        return Outcome.from_json(values)

    async def _attempt(self, stage: str, *texts: str) -> dict[str, str | float]:
        run: Callable[..., Outcome] = getattr(self._stages, stage)
        if stage not in HEAVY:
            return (await asyncio.to_thread(attempt, run, stage, *texts)).to_json()
        async with self._slots:
            return (await asyncio.to_thread(attempt, run, stage, *texts)).to_json()

    async def _pause(self, seconds: float) -> None:
        await DBOS.recv_async(TOPIC, timeout_seconds=seconds)


def attempt(run: Callable[..., Outcome], stage: str, *texts: str) -> Outcome:
    """The worker's boundary: an error that nobody foresaw becomes an outcome, so that no job hangs."""
    try:
        with about(job_id=texts[0]):
            return run(*texts)
    except Exception as exc:  # noqa: BLE001 - the worker boundary
        at = traceback.extract_tb(exc.__traceback__)[-1]
        # The words of a foreign exception may hold training text; its type and place do not.
        logger.error("stage %s of %s failed: %s at %s:%s", stage, texts[0], type(exc).__name__, at.name, at.lineno)
        return Outcome(kind=Kind.BROKEN, reason=type(exc).__name__)
