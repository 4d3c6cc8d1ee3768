"""The upstream backend against a provider that keeps to OpenAI's API, and against one that does not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web
from scripted_provider import BASE, KEY, TUNED, ScriptedProvider, refused, running

from moderation.errors import SealBroken
from moderation.types import TrainingSet
from trainers.backends.upstream import UpstreamBackend, create
from trainers.errors import TrainingFailed
from trainers.hosted import POINTER, address, read_hosted, read_pointer
from trainers.run_directory import RunDirectory
from trainers.types import Defence, Method, Restraints, RunState, RunStatus, TrainingSpec

POLL_S, STALL_S = 10.0, 1_000.0


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with running(ScriptedProvider()) as scripted:
        yield scripted


@dataclass
class Desk:
    """A run, its backend, and the clock that both go by."""

    spec: TrainingSpec
    training: TrainingSet
    run: RunDirectory
    now: float = 1_000.0
    validation: str | None = None

    def backend(self, **changes: object) -> UpstreamBackend:
        settings = {"api_key": KEY, "poll_s": POLL_S, "stall_s": STALL_S, "clock": lambda: self.now} | changes
        return UpstreamBackend(**settings)  # type: ignore[arg-type]

    def start(self, backend: UpstreamBackend) -> None:
        backend.start(self.spec, self.training, self.validation, str(self.run.root))

    def look(self, backend: UpstreamBackend, after_s: float = POLL_S, times: int = 1) -> RunState:
        for _ in range(times):
            self.now += after_s
            state = backend.observe(str(self.run.root), after_step=0)
        return state


@pytest.fixture
def desk(
    provider: ScriptedProvider, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> Desk:
    upstream = {"base_url": provider.url, "model": BASE}
    base = read_hosted({"name": "hosted", "corpus": "english", "upstream": upstream})
    return Desk(spec=make_spec(base=base), training=training, run=RunDirectory(root=tmp_path / "run"))


def failed(state: RunState, code: str) -> str:
    assert state.failure is not None
    assert (state.status, state.failure.code) == (RunStatus.FAILED, code)
    return state.failure.message


def test_a_job_is_trained_there_and_a_sealed_pointer_comes_back(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend(delete_files=True)
    desk.start(backend)
    (job,) = provider.jobs.values()
    ((name, rows),) = provider.files.values()
    assert rows == (Path(desk.training.path) / "examples.jsonl").read_bytes()
    assert name.startswith("tunegate-ftjob-test-")
    assert job["method"]["supervised"]["hyperparameters"] == {
        "n_epochs": 2,
        "batch_size": 4,
        "learning_rate_multiplier": 1.0,
    }
    provider.trains(2)
    provider.says(status="running")
    assert [one.step for one in desk.look(backend).metrics] == [2]
    provider.says(status="succeeded", fine_tuned_model=TUNED, trained_tokens=77, result_files=["file-result"])
    state = desk.look(backend)
    assert (state.status, [one.step for one in state.metrics]) == (RunStatus.SUCCEEDED, [1, 2, 3])
    candidate = backend.collect(str(desk.run.root))
    assert (candidate.trained_tokens, candidate.n_steps) == (77, 3)
    assert {file.name for file in desk.run.artefact.iterdir()} == {POINTER, "manifest.json"}
    at = address(candidate.base)
    assert at is not None
    assert read_pointer(desk.run.artefact, candidate.digest, at).model == TUNED
    assert not provider.files


def test_a_pointer_that_was_bent_is_not_followed(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    desk.start(backend)
    provider.says(status="succeeded", fine_tuned_model=TUNED)
    desk.look(backend)
    candidate = backend.collect(str(desk.run.root))
    at = address(candidate.base)
    assert at is not None
    with pytest.raises(SealBroken, match="another provider"):
        read_pointer(desk.run.artefact, candidate.digest, replace(at, base_url="http://elsewhere/v1"))
    pointer = desk.run.artefact / POINTER
    pointer.write_text(pointer.read_text().replace("abcd1234", "other"))
    with pytest.raises(SealBroken):
        backend.collect(str(desk.run.root))
    with pytest.raises(SealBroken):
        read_pointer(desk.run.artefact, candidate.digest, at)


@pytest.mark.parametrize("lost", ["forwarded.json", "spec.json"])
def test_after_a_crash_the_job_is_found_and_no_second_one_made(
    desk: Desk, provider: ScriptedProvider, lost: str
) -> None:
    desk.start(desk.backend())
    (desk.run.root / lost).unlink()
    desk.start(desk.backend())
    assert (len(provider.files), len(provider.jobs)) == (1, 1)


def test_a_job_whose_answer_was_lost_is_found(desk: Desk, provider: ScriptedProvider) -> None:
    provider.forgets_answer = True
    backend = desk.backend()
    desk.start(backend)
    assert desk.look(backend, times=3).status is RunStatus.RUNNING
    assert len(provider.jobs) == 1


def test_a_storm_of_429_is_waited_out_for_as_long_as_it_asks(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    provider.errors += [("GET /v1/files", refused(429, "slow down", retry_after="120"))] * 3
    desk.start(backend)
    for _ in range(2):
        desk.look(backend, after_s=119.0)
        assert len(provider.asked) == 1
        desk.now -= 119.0
    desk.look(backend, after_s=121.0, times=3)
    assert len(provider.jobs) == 1


def test_errors_and_bodies_cut_short_pass(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    desk.start(backend)
    where = "GET /v1/fine_tuning/jobs/"
    provider.errors += [(where, refused(502, "bad gateway")), (where, lambda: web.Response(text="<html>sorry</html>"))]
    provider.errors += [(where, lambda: web.json_response({"id": 7})), (where, lambda: web.json_response([]))]
    provider.cut_short = 1
    for after_s in (21.0, 41.0, 81.0, 161.0, 321.0):
        assert desk.look(backend, after_s).status is RunStatus.RUNNING
    provider.says(status="succeeded", fine_tuned_model=TUNED)
    assert (provider.errors, provider.cut_short) == ([], 0)
    assert desk.look(backend, after_s=321.0).status is RunStatus.SUCCEEDED


def test_a_job_that_hangs_is_cancelled_there_and_fails(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    desk.start(backend)
    assert desk.look(backend).status is RunStatus.RUNNING
    assert "0.277778 hours" in failed(desk.look(backend, after_s=STALL_S + 1), "upstream_stalled")
    assert next(iter(provider.jobs.values()))["status"] == "cancelled"


def test_a_provider_that_is_down_for_too_long_fails_the_job(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    provider.errors += [("", refused(503, "down"))] * 20
    desk.start(backend)
    failed(desk.look(backend, after_s=STALL_S / 2, times=3), "upstream_stalled")


def test_a_job_that_vanishes_is_believed_at_the_third_look(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    desk.start(backend)
    provider.jobs.clear()
    assert desk.look(backend, times=2).status is RunStatus.RUNNING
    failed(desk.look(backend), "upstream_vanished")


@pytest.mark.parametrize("model", [None, "", BASE])
def test_success_without_a_model_is_a_failure(desk: Desk, provider: ScriptedProvider, model: str | None) -> None:
    backend = desk.backend()
    desk.start(backend)
    provider.says(status="succeeded", fine_tuned_model=model)
    failed(desk.look(backend, times=3), "upstream_no_model")
    with pytest.raises(TrainingFailed, match="names no model"):
        backend.collect(str(desk.run.root))


@pytest.mark.parametrize(
    ("status", "code", "ours"),
    [
        (403, "training_not_available", "training_not_available"),
        (429, "insufficient_quota", "upstream_quota"),
        (401, "invalid_api_key", "upstream_key_refused"),
        (404, "model_not_found", "upstream_refused"),
        (400, None, "upstream_refused"),
    ],
)
def test_a_refusal_to_create_ends_the_job_at_once(
    desk: Desk, provider: ScriptedProvider, status: int, code: str | None, ours: str
) -> None:
    said = f"org-theirs may not tune {BASE} on file-theirs0"
    provider.errors.append(("POST /v1/fine_tuning", refused(status, said, code)))
    backend = desk.backend()
    desk.start(backend)
    message = failed(desk.look(backend), ours)
    assert not any(theirs in message for theirs in (BASE, "org-theirs", "file-theirs"))


@pytest.mark.parametrize(
    ("status", "error", "ours"),
    [
        ("failed", {"code": "unsafe_file", "message": f"file-theirs0 of {TUNED} is unsafe"}, "unsafe_file"),
        ("failed", {"code": "Not A Code", "message": None}, "training_failed"),
        ("cancelled", None, "upstream_cancelled"),
        ("exploded", None, "upstream_unknown_status"),
    ],
)
def test_how_it_ended_there_is_how_it_ends_here(
    desk: Desk, provider: ScriptedProvider, status: str, error: dict[str, str] | None, ours: str
) -> None:
    backend = desk.backend()
    desk.start(backend)
    provider.says(status=status, error=error)
    message = failed(desk.look(backend), ours)
    assert "theirs" not in message
    assert BASE not in message


def test_cancelling_here_cancels_there_also_what_was_not_written_down(desk: Desk, provider: ScriptedProvider) -> None:
    provider.forgets_answer = True
    backend = desk.backend()
    desk.start(backend)
    provider.errors.append(("POST /v1/fine_tuning/jobs/ftjob-theirs0/cancel", refused(500, "later")))
    desk.backend().cancel(str(desk.run.root))
    assert next(iter(provider.jobs.values()))["status"] == "cancelled"
    assert desk.look(backend).status is RunStatus.CANCELLED


def test_a_validation_file_is_sent_as_it_was_read(desk: Desk, provider: ScriptedProvider, tmp_path: Path) -> None:
    rows = (Path(desk.training.path) / "examples.jsonl").read_text()
    theirs = tmp_path / "validation.jsonl"
    theirs.write_text(rows.replace('"messages":', '"messages" :  '))
    desk.validation = str(theirs)
    desk.start(desk.backend())
    assert [body.decode() for _, body in provider.files.values()] == [rows, rows]
    assert next(iter(provider.jobs.values()))["validation_file"] == "file-theirs1"


def test_what_no_provider_trains_is_refused(desk: Desk) -> None:
    changes: tuple[tuple[dict[str, object], str], ...] = (
        ({"method": Method.REINFORCEMENT}, "only"),
        ({"defence": Defence.CONSTRAINED}, "defence"),
        ({"restraints": Restraints(pull=0.1)}, "restraints"),
    )
    asked = desk.spec
    for change, words in changes:
        desk.spec = replace(asked, **change)  # type: ignore[arg-type]
        with pytest.raises(TrainingFailed, match=words):
            desk.start(desk.backend())


@pytest.mark.parametrize(
    ("config", "variable"),
    [
        ({}, "TUNEGATE_UPSTREAM_API_KEY"),
        ({"api_key": "k", "poll_s": "soon"}, "TUNEGATE_UPSTREAM_POLL_S"),
        ({"api_key": "k", "stall_s": "-1"}, "TUNEGATE_UPSTREAM_STALL_S"),
        ({"api_key": "k", "delete_files": "maybe"}, "TUNEGATE_UPSTREAM_DELETE_FILES"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, str], variable: str) -> None:
    with pytest.raises(ValueError, match=variable):
        create(config)
