"""`/v1/uploads` through the `openai` package in strict mode."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import openai
import pytest

from gateway.api.checking import Check, Checks
from gateway.api.routers import uploads as router
from gateway.store.wire_models import Upload
from gateway.worker.sweeping import sweep


def announce(client, n_bytes, **extra):
    return client.uploads.create(
        filename="big.jsonl", purpose="fine-tune", bytes=n_bytes, mime_type="application/jsonl", **extra
    )


def test_parts_are_joined_in_the_order_given_to_a_file_like_any_other(client, rows, stored) -> None:
    before = len(stored())
    upload = announce(client, len(rows))
    assert (upload.status, upload.file, upload.expires_at) == ("pending", None, upload.created_at + 3_600)
    second = client.uploads.parts.create(upload.id, data=rows[100:])
    first = client.uploads.parts.create(upload.id, data=rows[:100])
    done = client.uploads.complete(upload.id, part_ids=[first.id, second.id], md5=hashlib.md5(rows).hexdigest())
    assert (done.status, done.file.bytes, done.file.purpose) == ("completed", len(rows), "fine-tune")
    assert client.files.content(done.file.id).content == rows
    assert client.fine_tuning.jobs.create(model="miniature", training_file=done.file.id).status == "validating_files"
    assert len(stored()) == before + 1


def test_the_packages_own_chunked_upload_works(client, rows) -> None:
    done = client.uploads.upload_file_chunked(
        file=rows, filename="big.jsonl", bytes=len(rows), mime_type="application/jsonl", purpose="fine-tune",
        part_size=150,
    )  # fmt: skip
    assert client.files.content(done.file.id).content == rows


def test_a_lifetime_of_the_file_begins_when_it_is_completed(client, rows) -> None:
    upload = announce(client, len(rows), expires_after={"anchor": "created_at", "seconds": 3_600})
    part = client.uploads.parts.create(upload.id, data=rows)
    file = client.uploads.complete(upload.id, part_ids=[part.id]).file
    assert file.expires_at == file.created_at + 3_600


def test_what_is_not_jsonl_is_refused_at_the_end_and_may_be_mended(client, stored) -> None:
    before = len(stored())
    upload = announce(client, 3)
    wrong = client.uploads.parts.create(upload.id, data=b"a,b")
    with pytest.raises(openai.BadRequestError, match="Expected file to have JSONL format"):
        client.uploads.complete(upload.id, part_ids=[wrong.id])
    right = client.uploads.parts.create(upload.id, data=b"{}\n")
    assert client.uploads.complete(upload.id, part_ids=[right.id]).status == "completed"
    assert len(stored()) == before + 1


@pytest.mark.parametrize(
    ("ids", "md5", "param"),
    [(["part_x"], None, "part_ids"), ([], None, "part_ids"), (["P", "P"], None, "part_ids"), (["P"], "0" * 32, "md5")],
)
def test_parts_that_are_not_what_was_announced_are_refused(client, rows, ids, md5, param) -> None:
    upload = announce(client, len(rows))
    part = client.uploads.parts.create(upload.id, data=rows)
    with pytest.raises(openai.BadRequestError) as caught:
        client.uploads.complete(upload.id, part_ids=[part.id if id == "P" else id for id in ids], md5=md5)
    assert caught.value.param == param
    assert client.files.list().data == []


def test_parts_of_another_size_than_announced_are_refused(client, rows) -> None:
    upload = announce(client, len(rows) + 1)
    part = client.uploads.parts.create(upload.id, data=rows)
    with pytest.raises(openai.BadRequestError, match="bytes together"):
        client.uploads.complete(upload.id, part_ids=[part.id])


def test_more_than_twice_what_was_announced_is_refused(client, rows, stored) -> None:
    upload = announce(client, 10)
    before = len(stored())
    with pytest.raises(openai.BadRequestError, match="announced with"):
        client.uploads.parts.create(upload.id, data=rows)
    assert len(stored()) == before


def test_a_part_that_is_too_large_is_cut_off(client, stored, monkeypatch) -> None:
    monkeypatch.setattr(router, "MAX_PART_BYTES", 1_000)
    upload = announce(client, 10_000)
    before = len(stored())
    with pytest.raises(openai.APIStatusError) as caught:
        client.uploads.parts.create(upload.id, data=b"x" * 1_001)
    assert (caught.value.status_code, len(stored())) == (413, before)


@pytest.mark.parametrize("end", ["completed", "cancelled", "expired"])
def test_an_upload_that_has_ended_takes_nothing_more(gateway, client, rows, end) -> None:
    upload = announce(client, len(rows))
    part = client.uploads.parts.create(upload.id, data=rows)
    if end == "completed":
        client.uploads.complete(upload.id, part_ids=[part.id])
    elif end == "cancelled":
        assert client.uploads.cancel(upload.id).status == "cancelled"
    else:
        with gateway.services.database.write() as session:
            session.get(Upload, upload.id).expires_at = 1
    for call in (
        lambda: client.uploads.parts.create(upload.id, data=rows),
        lambda: client.uploads.complete(upload.id, part_ids=[part.id]),
        lambda: client.uploads.cancel(upload.id),
    ):
        with pytest.raises(openai.BadRequestError, match=f"is {end}"):
            call()


def test_a_replayed_part_or_completion_is_answered_as_the_first_was(http, client, rows) -> None:
    upload = announce(client, len(rows))
    again = {"x-stainless-retry-count": "1"}
    files = {"data": ("upload", rows)}
    first = http.post(f"/v1/uploads/{upload.id}/parts", files=files).json()
    assert http.post(f"/v1/uploads/{upload.id}/parts", files=files, headers=again).json() == first
    body = {"part_ids": [first["id"]]}
    done = http.post(f"/v1/uploads/{upload.id}/complete", json=body).json()
    assert http.post(f"/v1/uploads/{upload.id}/complete", json=body, headers=again).json() == done
    assert [file.id for file in client.files.list()] == [done["file"]["id"]]


def test_a_retried_completion_that_its_first_attempt_overtakes_is_answered_as_that_was(
    gateway, client, http, rows, serve
) -> None:
    upload = announce(client, len(rows))
    body = {"part_ids": [client.uploads.parts.create(upload.id, data=rows).id]}
    path = f"/v1/uploads/{upload.id}/complete"
    retried = {"Authorization": http.headers["Authorization"], "x-stainless-retry-count": "1"}
    first = []

    class Overtaken(Checks):
        def begin(self) -> Check:
            first.append(http.post(path, json=body).json())
            return super().begin()

    with serve(replace(gateway.services, checks=Overtaken())) as url:
        again = httpx.post(url + path, json=body, headers=retried, timeout=20)
    assert (again.status_code, [again.json()]) == (200, first)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"bytes": 0}, "bytes"),
        ({"bytes": 8 * 1024**3 + 1}, "bytes"),
        ({"bytes": "5"}, "bytes"),
        ({"purpose": "x"}, "purpose"),
        ({"filename": None}, "filename"),
        ({"mime_type": None}, "mime_type"),
        ({"expires_after": {"anchor": "now", "seconds": 3_600}}, "expires_after.anchor"),
        ({"expires_after": {"anchor": "created_at", "seconds": 1}}, "expires_after.seconds"),
    ],
)
def test_a_wrong_announcement_is_a_400_that_names_the_field(http, wrong, param) -> None:
    body = {"filename": "a", "purpose": "fine-tune", "bytes": 5, "mime_type": "text/jsonl"} | wrong
    answer = http.post("/v1/uploads", content=json.dumps(body))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("path", ["/parts", "/complete", "/cancel"])
def test_another_projects_upload_never_was(gateway, client, path) -> None:
    upload = announce(client, 5)
    with gateway.http() as stranger:
        for id in (upload.id, "upload_x"):
            sent = {"files": {"data": ("a", b"x")}} if path == "/parts" else {"json": {"part_ids": ["x"]}}
            answer = stranger.post(f"/v1/uploads/{id}{path}", **sent)
            assert (answer.status_code, answer.json()["error"]["param"]) == (404, "id")


def test_expired_files_and_uploads_are_swept_away_with_their_bytes(gateway, client, rows, stored) -> None:
    services, far = gateway.services, 2**40
    sweep(services.database, services.blobs, now=far)  # what other tests left pending
    kept = client.files.create(file=("a", rows), purpose="fine-tune")
    before = len(stored())
    lifetime = {"anchor": "created_at", "seconds": 3_600}
    file = client.files.create(file=("b", rows), purpose="fine-tune", expires_after=lifetime)
    client.uploads.parts.create(announce(client, len(rows)).id, data=rows)
    assert len(stored()) == before + 2
    sweep(services.database, services.blobs, now=file.expires_at + 60)  # the upload was begun later than the file
    assert len(stored()) == before
    assert [one.id for one in client.files.list()] == [kept.id]
    assert client.files.content(kept.id).content == rows


def test_of_two_completions_at_once_one_makes_a_file(gateway, tenant, client, rows, stored) -> None:
    upload = announce(client, len(rows))
    part = client.uploads.parts.create(upload.id, data=rows)
    before = len(stored())

    def complete(_: int) -> int:
        with gateway.http(tenant) as own:
            return own.post(f"/v1/uploads/{upload.id}/complete", json={"part_ids": [part.id]}).status_code

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(complete, range(4))) == [200, 400, 400, 400]
    assert len(client.files.list().data) == 1
    assert len(stored()) == before  # the file in place of the part
