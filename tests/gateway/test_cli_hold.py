"""The commands of the hold: log, verify, revoke, models, policy diff, evidence."""

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.signing import key_id
from gateway.cli.app import build
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import heads, released, reviews
from gateway.store.errors import NotFound
from gateway.store.models import Job, Model, PolicyVersion, Principal
from gateway.store.reopenings import NotReopened
from gateway.store.reviews import Question, ReviewClosed, ReviewStage
from gateway.store.tenants import create_project, ensure_organization

NAME = "ft:miniature:acme::abcd1234"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def model(home: Path) -> str:
    """A released model without files, as a careless hand may leave one behind."""
    store = Store.open(Settings.read({"TUNEGATE_HOME": str(home)}))
    with store.database.write() as session:
        owner = ensure_organization(session, store.ids, "acme", now=1)
        project = create_project(
            session, store.ids, organization_id=owner.id, name="p", policy_name="default", now=1
        ).id
        session.add(PolicyVersion(digest="sha256:0", name="default", document={}, created_at=1))
        session.add(Principal(id="user-1", project_id=project, name="u", role="member", created_at=1))
        session.flush()
        session.add(
            Job(
                id="ftjob-1", project_id=project, principal_id="user-1", sequence=1, state="released",
                model="miniature", training_file_id="file-1", training_blob_key="k", seed=1, method="supervised",
                requested_hyperparameters={}, policy_digest="sha256:0", attempt=1, created_at=1, result_files=[],
            )
        )  # fmt: skip
        session.flush()
        session.add(
            Model(
                name=NAME, project_id=project, job_id="ftjob-1", artefact_key="projects/p/models/m", digest="d",
                base_name="miniature", base_digest="b", tuning="lora", created_at=1,
                attestation={"forced": False, "enforced": True},
            )
        )  # fmt: skip
    store.database.close()
    return NAME


def tunegate(*arguments: str) -> Result:
    return CliRunner().invoke(build(), arguments)


def test_an_empty_log_verifies() -> None:
    assert json.loads(tunegate("log", "verify", "--json").stdout)["ok"]


def test_revoke_needs_a_reason_and_is_logged_and_published(home: Path, model: str) -> None:
    assert tunegate("revoke", model).exit_code == 2
    assert tunegate("revoke", model, "--why", " ").exit_code == 2
    assert tunegate("revoke", model, "--why", "a drill").exit_code == 0
    (entry,) = json.loads(tunegate("log", "show", "--json").stdout)
    assert (entry["kind"], entry["actor"], entry["details"]["why"]) == ("revoke", "operator", "a drill")
    assert heads.published(home / "decisions.heads") == [(1, entry["hash"])]
    assert isinstance(tunegate("revoke", model, "--why", "again").exception, NotFound)


def test_a_log_that_was_tampered_with_exits_with_4(home: Path, model: str) -> None:
    tunegate("revoke", model, "--why", "a drill")
    assert tunegate("log", "verify").exit_code == 0
    with sqlite3.connect(home / "tunegate.db") as connection:
        connection.execute("DROP TRIGGER decisions_no_delete")
        connection.execute("DELETE FROM decisions")
    connection.close()
    result = tunegate("log", "verify", "--json")
    assert (result.exit_code, json.loads(result.stdout)["ok"]) == (4, False)


def test_a_model_whose_files_are_gone_does_not_verify_and_is_held(home: Path, model: str) -> None:
    result = tunegate("verify", model, "--json")
    assert (result.exit_code, json.loads(result.stdout)["problems"]) == (4, ["its files are gone from the blob store"])
    store = Store.open(Settings.read({"TUNEGATE_HOME": str(home)}))
    with store.database.read() as session:
        assert released.in_service(session, model) is None
        assert released.known(session, model).held_at is not None
    store.database.close()


def test_a_model_that_never_was_cannot_be_verified() -> None:
    assert isinstance(tunegate("verify", "ft:nobody").exception, NotFound)
    assert tunegate("verify", "/nowhere").exit_code == 2


def test_the_public_key_is_shown_and_the_secret_is_not(home: Path) -> None:
    shown = json.loads(tunegate("verify", "--show-key").stdout)
    assert shown["keyid"] == key_id(bytes.fromhex(shown["public_key"]))
    assert (home / "attestation.key").read_bytes().hex() not in shown["public_key"]


def test_a_model_under_an_old_policy_is_listed_to_be_audited_again(model: str) -> None:
    (row,) = json.loads(tunegate("models", "--again", "--json").stdout)
    assert row["name"] == model
    assert [why.partition(":")[0] for why in row["audit_again"]] == ["policy", "base", "judge", "prompts"]


def test_policies_are_compared_setting_by_setting() -> None:
    shown = json.loads(tunegate("policy", "diff", "default", "shadow", "--replay", "--json").stdout)
    paths = {one["path"]: (one["was"], one["now"]) for one in shown["differences"]}
    assert paths["release.action"] == ("block", "record")
    assert (shown["replayed"], shown["changed"]) == (0, [])


def test_evidence_of_a_job_is_written_signed_and_checked_with_the_public_key(home: Path, model: str) -> None:
    pack = home / "pack.json"
    assert tunegate("evidence", model, "--out", str(pack)).exit_code == 0
    key = json.loads(tunegate("verify", "--show-key").stdout)["public_key"]
    assert tunegate("evidence", "--verify", str(pack), "--key", key).exit_code == 0
    assert tunegate("evidence", "--verify", str(pack), "--key", "00" * 32).exit_code == 4
    assert "DOES NOT VERIFY" in pack.with_suffix(".html").read_text()
    pack.write_text(pack.read_text().replace("file-1", "file-2").replace('"seed": 1', '"seed": 2'))
    assert tunegate("evidence", "--verify", str(pack)).exit_code == 4


def test_the_page_carries_what_is_signed_and_says_nothing_else(home: Path, model: str) -> None:
    pack = home / "pack.json"
    assert tunegate("evidence", model, "--out", str(pack)).exit_code == 0
    page = pack.with_suffix(".html")
    assert tunegate("evidence", "--verify", str(page)).exit_code == 0
    said = page.read_text()
    for was, forged in (("DOES NOT VERIFY", "verifies"), ('"seed": 1', '"seed": 2')):
        assert was in said
        page.write_text(said.replace(was, forged))
        assert tunegate("evidence", "--verify", str(page)).exit_code == 4


def test_a_review_is_listed_and_answered_once_with_a_reason(home: Path, model: str) -> None:
    store = Store.open(Settings.read({"TUNEGATE_HOME": str(home)}))
    question = Question(stage=ReviewStage.RELEASE, reasons=("arm neutral is undecided",), timeout_s=1e9, n_needed=1)
    with store.database.write() as session:
        job = session.get_one(Job, "ftjob-1")
        job.state = "release_review"
        reviews.open_question(session, job, question, now=store.now())
    store.database.close()
    (row,) = json.loads(tunegate("review", "--json").stdout)
    assert (row["job_id"], row["reasons"]) == ("ftjob-1", ["arm neutral is undecided"])
    assert tunegate("review", "ftjob-1", "--decision", "release").exit_code == 2
    answer = ("review", "ftjob-1", "--decision", "withhold", "--reason", "too little", "--json")
    assert json.loads(tunegate(*answer).stdout)["decision"] == "withhold"
    assert isinstance(tunegate(*answer).exception, ReviewClosed)
    (entry,) = json.loads(tunegate("log", "show", "--json").stdout)
    assert (entry["kind"], entry["actor"], entry["details"]["reason"]) == ("review", "operator", "too little")


def test_a_job_that_was_not_withheld_is_neither_contested_nor_forced(model: str) -> None:
    for command in ("contest", "release"):
        assert tunegate(command, "ftjob-1").exit_code == 2
        assert isinstance(tunegate(command, "ftjob-1", "--why", "x").exception, NotReopened)


def test_a_model_is_kept_only_where_its_re_audit_asks_for_a_person(model: str) -> None:
    assert json.loads(tunegate("reaudit", "--json").stdout) == []
    assert tunegate("reaudit", model, "--keep").exit_code == 2
    assert isinstance(tunegate("reaudit", model, "--keep", "--why", "x").exception, NotFound)
