"""`/v1/files`, through the `openai` package and by hand."""

import base64

import openai
import pytest

from gateway.store import files
from gateway.store.ids import IdKind


def upload(client, data, name="rows.jsonl", purpose="fine-tune", **extra):
    return client.files.create(file=(name, data), purpose=purpose, **extra)


def test_an_upload_comes_back_processed_and_byte_for_byte(client, rows) -> None:
    file = upload(client, rows)
    assert (file.status, file.bytes, file.filename, file.purpose) == ("processed", len(rows), "rows.jsonl", "fine-tune")
    assert client.files.content(file.id).content == rows
    assert client.files.retrieve(file.id) == file
    assert client.files.wait_for_processing(file.id).id == file.id


def test_files_are_listed_newest_first_and_a_walk_that_deletes_ends(client, rows) -> None:
    made = [upload(client, rows).id for _ in range(5)]
    assert [file.id for file in client.files.list()] == made[::-1]
    assert [file.id for file in client.files.list(order="asc", limit=2)] == made
    walked = []
    for file in client.files.list(limit=2):
        client.files.delete(file.id)
        walked.append(file.id)
    assert walked == made[::-1]
    assert client.files.list().data == []


def test_a_list_can_be_of_one_purpose(client, rows) -> None:
    upload(client, rows)
    other = upload(client, b"anything", purpose="user_data")
    assert [file.id for file in client.files.list(purpose="user_data")] == [other.id]


def test_a_deleted_file_is_gone_with_its_bytes(client, rows, stored) -> None:
    before = len(stored())
    file = upload(client, rows)
    assert client.files.delete(file.id).deleted
    assert len(stored()) == before
    with pytest.raises(openai.NotFoundError) as caught:
        client.files.retrieve(file.id)
    assert (caught.value.param, caught.value.body["message"]) == ("id", f"No such File object: {file.id}")


def test_a_file_of_a_running_job_keeps_its_bytes(client, new_job, stored) -> None:
    job = new_job()
    before = len(stored())
    client.files.delete(job.training_file)
    assert len(stored()) == before


@pytest.mark.parametrize(
    "data", [b"", b"\n \n", b"a,b\n1,2\n", b"[1]\n", b'{"a":\n', b"\xff\xfe{}", b"\x00", b"[" * 5000, b"x" * 200_000]
)
def test_what_is_not_jsonl_is_refused_with_the_phrase_that_clients_look_for(client, data, stored) -> None:
    before = len(stored())
    with pytest.raises(openai.BadRequestError, match="Expected file to have JSONL format, where every line is"):
        upload(client, data)
    assert len(stored()) == before


def test_later_lines_are_not_looked_at_when_a_file_is_uploaded(client) -> None:
    assert upload(client, b'\xef\xbb\xbf{"messages": []}\nnot json\n').status == "processed"


@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_that_is_too_large_is_cut_off_and_nothing_is_kept(http, stored, chunked) -> None:
    before = len(stored())
    body, kind = _form(b'{"a":1}\n' * 100_000)
    content = (body[i : i + 9_999] for i in range(0, len(body), 9_999)) if chunked else body
    answer = http.post("/v1/files", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["error"]["param"]) == (413, "file")
    assert len(stored()) == before


def test_a_chunked_upload_without_a_length_is_taken(http, rows) -> None:
    body, kind = _form(rows)
    pieces = (body[i : i + 7] for i in range(0, len(body), 7))
    answer = http.post("/v1/files", content=pieces, headers={"content-type": kind})
    assert answer.status_code == 200
    assert http.get(f"/v1/files/{answer.json()['id']}/content").content == rows


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\x.jsonl", "x.jsonl"),
        ("..", "upload"),
        ("/", "upload"),
        ("a\u202eb.jsonl", "ab.jsonl"),
        ("x" * 9_000, "x" * 255),
        ("日本.jsonl", "日本.jsonl"),
    ],
)
def test_a_file_name_is_a_label_and_never_a_path(client, rows, sent, kept) -> None:
    if len(sent) > 4_000:
        with pytest.raises(openai.BadRequestError):
            upload(client, rows, name=sent)
        return
    file = upload(client, rows, name=sent)
    assert file.filename == kept
    assert client.files.content(file.id).content == rows


def test_a_lifetime_is_counted_from_the_creation(client, rows) -> None:
    file = upload(client, rows, expires_after={"anchor": "created_at", "seconds": 3_600})
    assert file.expires_at == file.created_at + 3_600


@pytest.mark.parametrize("seconds", [0, 3_599, 2_592_001])
def test_a_lifetime_out_of_range_is_refused(client, rows, seconds) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        upload(client, rows, expires_after={"anchor": "created_at", "seconds": seconds})
    assert caught.value.param == "expires_after[seconds]"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "batch", "expires_after": '{"anchor": "created_at", "seconds": 3600}'}, "expires_after"),
        ({}, "purpose"),
        ({"purpose": "fine-tune-results"}, "purpose"),
        ({"purpose": "x" * 70_000}, "purpose"),
    ],
)
def test_a_wrong_purpose_or_lifetime_is_refused(http, rows, fields, param) -> None:
    answer = http.post("/v1/files", data=fields, files={"file": ("a.jsonl", rows)})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_form_without_a_file_is_refused(http) -> None:
    answer = http.post("/v1/files", files={"purpose": (None, "fine-tune")})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b"rubbish", "multipart/form-data; boundary=b"),
        (b"--b\r\n", "multipart/form-data; boundary=b"),
        (b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n{}', "multipart/form-data; boundary=b"),
        (b"", "multipart/form-data"),
    ],
)  # fmt: skip
def test_a_broken_form_is_refused(http, content, kind) -> None:
    answer = http.post("/v1/files", content=content, headers={"content-type": kind})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_result_files_are_served_as_base64(gateway, tenant, client) -> None:
    csv = b"step,train_loss\n" * 70_000
    id = gateway.services.ids.new(IdKind.FILE)
    blob = gateway.services.blobs.put(files.blob_key(tenant.project_id, id), [csv])
    with gateway.services.database.write() as session:
        files.insert(
            session,
            id=id,
            project_id=tenant.project_id,
            filename="r.csv",
            purpose="fine-tune-results",
            blob=blob,
            now=1,
        )
    assert base64.b64decode(client.files.content(id).content, validate=True) == csv


def test_a_file_for_evals_says_a_purpose_that_strict_clients_know(client, rows) -> None:
    file = client.files.create(file=("a", rows), purpose="evals")
    assert (file.purpose, [one.id for one in client.files.list(purpose="evals")]) == ("user_data", [file.id])


def _form(data: bytes) -> tuple[bytes, str]:
    head = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--b\r\n'
    head += b'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    return head + data + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"
