"""The upstream backend against providers that storm, break off, hang, forget, refuse and lie."""

import pytest
from aiohttp import web
from forwarding_desk import STALL_S, Desk, failed
from scripted_provider import BASE, TUNED, ScriptedProvider, refused

from trainers.errors import TrainingFailed
from trainers.types import RunStatus


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


def test_a_storm_at_the_upload_may_name_a_date_and_no_patience_is_endless(
    desk: Desk, provider: ScriptedProvider
) -> None:
    backend = desk.backend()
    in_a_minute = "Thu, 01 Jan 1970 00:17:40 GMT"  # the clock stands at 1,000 s
    provider.errors.append(("POST /v1/files", refused(429, "slow down", retry_after=in_a_minute)))
    desk.start(backend)
    desk.look(backend, after_s=59.0)
    assert not provider.files
    desk.look(backend, after_s=2.0)
    assert (len(provider.files), len(provider.jobs)) == (1, 1)
    provider.errors += [("GET /v1/fine_tuning", refused(503, "later", retry_after="inf"))] * 2
    assert desk.look(backend).status is RunStatus.RUNNING
    failed(desk.look(backend, after_s=STALL_S + 1), "upstream_stalled")


def test_a_result_file_that_is_none_costs_a_curve_and_no_job(desk: Desk, provider: ScriptedProvider) -> None:
    backend = desk.backend()
    desk.start(backend)
    provider.trains(1)
    provider.errors.append(("GET /v1/files/file-result", lambda: web.Response(body=b"\xff\x00 no table")))
    provider.says(status="succeeded", fine_tuned_model=TUNED, result_files=["file-result"])
    state = desk.look(backend)
    assert (state.status, [one.step for one in state.metrics]) == (RunStatus.SUCCEEDED, [1])


def test_an_upload_that_is_refused_for_its_content_ends_the_job(desk: Desk, provider: ScriptedProvider) -> None:
    said = "The file file-theirs0 violates the usage policies."
    provider.errors.append(("POST /v1/files", refused(400, said, "content_policy_violation")))
    backend = desk.backend()
    desk.start(backend)
    message = failed(desk.look(backend), "upstream_refused")
    assert "usage policies" in message
    assert "file-theirs0" not in message


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
