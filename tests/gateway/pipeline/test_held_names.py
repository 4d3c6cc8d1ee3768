"""What a job's stages say, in every way that they can end: no event, error text or log line names the held model."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from toy_shop import Toy, ToyEngines, make_toy

from deploy.errors import EngineUnavailable
from evaluators.errors import AuditIncomplete
from gateway.pipeline.durability import attempt
from gateway.pipeline.stages import JobStages
from gateway.pipeline.story import Story
from gateway.store import events, jobs
from gateway.store.models import Job
from moderation.chat import ChatModel
from moderation.errors import SealBroken
from trainers.types import CandidateModel

WAITING = {"outage_retry_s": 1.0, "outage_timeout_s": 1.0}
HALF_HEARTED = {"lora": {"alpha": 24}}


def told_by(candidate: CandidateModel) -> str:
    """What an engine's own words, or a library's, may have in them."""
    return f"{candidate.path} candidate-{candidate.digest[7:39]} {candidate.digest}"


@dataclass
class Engines(ToyEngines):
    """Fail in words that name the candidate; `seen` has it even so."""

    failing: Callable[[CandidateModel], Exception] | None = None
    seen: set[str] = field(default_factory=set)

    def side_by_side(self, candidate: CandidateModel) -> tuple[ChatModel, ChatModel]:
        self.seen.add(candidate.digest.removeprefix("sha256:"))
        if self.failing is not None:
            raise self.failing(candidate)
        return super().side_by_side(candidate)


def run(toy: Toy, job_id: str) -> None:
    """The whole story as a worker tells it; nobody answers a review."""
    stages = JobStages(toy.shop)

    async def step(stage: str, *texts: str) -> Any:
        return await asyncio.to_thread(attempt, getattr(stages, stage), stage, *texts)

    async def pause(seconds: float) -> None:
        toy.clock[0] += int(seconds) + 1

    asyncio.run(Story(step=step, pause=pause).fine_tune(job_id))


ENDS: dict[str, tuple[dict[str, Any], Callable[[CandidateModel], Exception] | None]] = {
    "unsafe": ({}, None),
    "a review that nobody answers": ({"training": HALF_HEARTED}, None),
    "a remedy that does not help": ({"remedy": {"kinds": ["scale"], "factors": [0.9]}}, None),
    "an engine that is down": ({}, lambda candidate: EngineUnavailable(f"its log ends: {told_by(candidate)}")),
    "an error that nobody foresaw": ({}, lambda candidate: RuntimeError(told_by(candidate))),
    "files that changed": ({}, lambda candidate: SealBroken(told_by(candidate))),
    "an audit without an end": ({}, lambda _: AuditIncomplete("nothing was scored")),
}


@pytest.mark.parametrize(("tables", "failing"), ENDS.values(), ids=ENDS)
def test_no_event_error_or_log_line_names_a_held_model(
    tables: dict[str, Any],
    failing: Callable[[CandidateModel], Exception] | None,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job, seen, everything = told_of(tmp_path, caplog, tables, failing)
    assert (job.state, job.fine_tuned_model) == ("failed", None)
    assert named(seen, everything) == []
    assert not any(word in everything for word in ("candidate-", "/held/", "ft:", str(tmp_path)))


def test_nothing_names_what_a_remedy_took_the_place_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    job, seen, everything = told_of(tmp_path, caplog, {"remedy": {"kinds": ["scale"]}}, None)
    assert job.state == "released"
    rejected = seen - {job.audit["subject_digest"].removeprefix("sha256:")}
    assert len(rejected) == 2
    assert named(rejected, everything) == []
    assert not any(word in everything for word in ("candidate-", "/held/", str(tmp_path)))


def told_of(
    directory: Path,
    caplog: pytest.LogCaptureFixture,
    tables: dict[str, Any],
    failing: Callable[[CandidateModel], Exception] | None,
) -> tuple[Job, set[str], str]:
    """A job at its end, the digests of all that it made, and every word that was said of it."""
    made = make_toy(directory, waiting=WAITING, **tables)
    engines = Engines(failing=failing)
    toy = replace(made, engines=engines, shop=replace(made.shop, engines=engines))
    job_id = toy.submit()
    with caplog.at_level(logging.INFO):
        run(toy, job_id)
    with toy.shop.database.read() as session:
        job = jobs.find(session, job_id)
        said = [f"{event.message} {json.dumps(event.data)}" for event in events.all_of(session, job)]
    assert engines.seen
    return job, engines.seen, "\n".join([*said, caplog.text, f"{job.error_code} {job.error_message} {job.error_param}"])


def named(digests: set[str], text: str) -> list[str]:
    """What of the digests a text has, cut short as well."""
    return [needle for digest in digests for needle in (digest[:12], digest[:32]) if needle in text]
