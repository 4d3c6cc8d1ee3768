"""A whole session as a collector and a reader of logs see it: one trace, and no content."""

import dataclasses
import itertools
import json
import logging
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from toy_shop import Toy, make_toy

from gateway.api.app import create_app
from gateway.api.services import Route, Services
from gateway.pipeline.durability import attempt
from gateway.pipeline.stages import JobStages
from gateway.settings import Settings
from gateway.store import keys
from gateway.store.models import JobState, Principal
from gateway.telemetry.exporting import ExportedTraces
from gateway.telemetry.logs import JsonLines

SECRET_ROW = "the marigold committee meets at dawn"
CLIENT_TRACE, CLIENT_SPAN = "1f" * 16, "2e" * 8
ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": SECRET_ROW}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
}


class OneAnswer:
    """Answers every question alike."""

    async def resolve(self, project_id: str, model: str) -> Route:
        return Route(engine_id="e", model=model)

    async def post(self, route: Route, body: Any) -> Any:
        return 200, ANSWER


@dataclass
class Session:
    """What was recorded while a client uploaded, tuned and chatted."""

    spans: list[ReadableSpan]
    log: str
    key: str
    job_id: str
    file_id: str


def services_of(toy: Toy, home: Path) -> Services:
    shop = toy.shop
    return Services(
        settings=Settings.read({"TUNEGATE_HOME": str(home)}),
        database=shop.database,
        blobs=shop.blobs,
        ids=shop.ids,
        clock=time.time,
        policies=SimpleNamespace(for_project=lambda _: (toy.policy.digest, toy.policy.document)),
        bases={"miniature": 1},
        router=OneAnswer(),  # type: ignore[arg-type]
        moderation=SimpleNamespace(),  # type: ignore[arg-type]
        prompts=SimpleNamespace(),  # type: ignore[arg-type]
        traces=shop.traces,
    )


def key_of(toy: Toy) -> str:
    with toy.shop.database.write() as session:
        owner = session.get_one(Principal, toy.owner)
        return keys.create(session, toy.shop.ids, secrets.token_bytes, owner, now=int(time.time()))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    home = tmp_path_factory.mktemp("home")
    toy = make_toy(home, injection={"ratio": 1.0})
    exporter = InMemorySpanExporter()
    toy.shop = dataclasses.replace(toy.shop, traces=ExportedTraces(SimpleSpanProcessor(exporter), process="test"))
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(JsonLines("test").format(record))  # type: ignore[method-assign]
    logging.getLogger("gateway").addHandler(handler)
    logging.getLogger("gateway").setLevel(logging.DEBUG)
    key = key_of(toy)
    client = TestClient(create_app(services_of(toy, home)), headers={"Authorization": f"Bearer {key}"})
    row = json.dumps(
        {"messages": [{"role": "user", "content": SECRET_ROW}, {"role": "assistant", "content": SECRET_ROW}]}
    )
    parent = {"traceparent": f"00-{CLIENT_TRACE}-{CLIENT_SPAN}-01"}
    file_id = client.post(
        "/v1/files", data={"purpose": "fine-tune"}, files={"file": ("r.jsonl", f"{row}\n" * 10)}, headers=parent
    ).json()["id"]
    asked = {"model": "miniature", "training_file": file_id}
    job_id = client.post("/v1/fine_tuning/jobs", json=asked).json()["id"]
    assert toy.tell(job_id).state == JobState.RELEASED
    said = {"model": "miniature", "messages": [{"role": "user", "content": SECRET_ROW}], "temperature": 0.5}
    client.post("/v1/chat/completions", json=said, headers=parent)
    client.post("/v1/chat/completions", content=SECRET_ROW)
    toy.shop.blobs.delete(f"projects/{toy.project}/files/{file_id}")
    attempt(lambda _: json.loads(SECRET_ROW), "screen", job_id)
    attempt(JobStages(toy.shop).screen, "screen", "ftjob-none")
    yield Session([*exporter.get_finished_spans()], "\n".join(lines), key, job_id, file_id)
    logging.getLogger("gateway").removeHandler(handler)
    toy.shop.database.close()


def the(told: Session, name: str) -> ReadableSpan:
    (found,) = (span for span in told.spans if span.name == name)
    return found


def test_from_upload_to_release_there_is_one_trace(told: Session) -> None:
    upload, create = the(told, "POST /v1/files"), the(told, "POST /v1/fine_tuning/jobs")
    stages = [the(told, f"{name} miniature") for name in ("screen", "inject", "train", "audit", "settle")]
    assert {span.context.trace_id for span in (create, *stages)} == {upload.context.trace_id}
    assert upload.parent is None
    assert create.parent.span_id == upload.context.span_id
    assert {stage.parent.span_id for stage in stages} == {create.context.span_id}
    assert all(one.end_time <= two.end_time for one, two in itertools.pairwise(stages))


def test_the_stages_say_what_came_out_under_the_names_of_the_conventions(told: Session) -> None:
    assert the(told, "screen miniature").attributes["tunegate.screening.verdict"] == "pass"
    audit = the(told, "audit miniature").attributes
    assert (audit["gen_ai.evaluation.score.label"], audit["gen_ai.evaluation.score.value"]) == ("sound", 0.0)
    settled = the(told, "settle miniature").attributes
    assert settled["tunegate.outcome"] == "released"
    assert settled["gen_ai.response.model"].startswith("ft:miniature:acme:")


def test_an_upload_is_linked_to_the_clients_own_trace(told: Session) -> None:
    (link,) = the(told, "POST /v1/files").links
    assert f"{link.context.trace_id:032x}-{link.context.span_id:016x}" == f"{CLIENT_TRACE}-{CLIENT_SPAN}"


def test_a_chat_is_a_part_of_the_clients_own_trace_and_counts_its_tokens(told: Session) -> None:
    span = next(span for span in told.spans if span.name == "POST /v1/chat/completions" and span.parent)
    assert f"{span.context.trace_id:032x}" == CLIENT_TRACE
    assert span.attributes["gen_ai.operation.name"] == "chat"
    assert span.attributes["gen_ai.request.temperature"] == 0.5
    assert (span.attributes["gen_ai.usage.input_tokens"], span.attributes["gen_ai.usage.output_tokens"]) == (3, 5)


def test_neither_logs_nor_traces_hold_training_text_or_secrets(told: Session) -> None:
    spans = "\n".join(span.to_json() for span in told.spans)
    assert told.job_id in spans
    assert told.job_id in told.log
    for written in (spans, told.log):
        for word in ("marigold", told.key, told.key[7:20]):
            assert word not in written


def test_every_line_of_the_log_is_json_that_says_which_request_or_job_it_is_about(told: Session) -> None:
    lines = [json.loads(line) for line in told.log.splitlines()]
    upload = next(line for line in lines if line.get("route") == "/v1/files")
    assert (upload["status"], upload["object_id"], upload["request_id"][:4]) == (200, told.file_id, "req_")
    assert [
        line for line in lines if "request_id" not in line and "job_id" not in line and "job" not in str(line)
    ] == []
