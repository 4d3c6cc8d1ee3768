"""`tunegate users`, `projects`, `keys` and `trail`: who may do what, and who did."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import build, main
from gateway.errors import PolicyError, SettingsError
from gateway.store.errors import NotFound


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated: bytes) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "tunegate.db").write_bytes(migrated)
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path / "home"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build(arguments[0]), arguments)


def tunegate(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_member_of_a_project_gets_keys_and_loses_them_with_the_membership() -> None:
    tunegate("projects", "create", "demo")
    tunegate("users", "create", "ada", "--email", "ada@example.com")
    tunegate("users", "add", "ada", "--project", "demo", "--role", "reviewer")
    assert tunegate("keys", "create", "--project", "demo", "--user", "ada@example.com")["role"] == "reviewer"
    (ada,) = tunegate("users", "list")
    assert (ada["name"], ada["roles"]) == ("ada", {"demo": "reviewer"})
    tunegate("users", "remove", "ada", "--project", "demo")
    assert run("keys", "create", "--project", "demo", "--user", "ada").exit_code != 0
    tunegate("users", "remove", "ada")
    assert tunegate("users", "list") == []


def test_a_service_account_has_several_keys_and_is_one_principal() -> None:
    for _ in range(2):
        tunegate("keys", "create", "--project", "demo", "--name", "ci", "--permission", "files.read",
                 "--limit", "requests_per_minute=5")  # fmt: skip
    found = tunegate("keys", "list", "--project", "demo")
    assert len({key["principal_id"] for key in found}) == 1
    assert [(key["permissions"], key["granted"]) for key in found] == [(["files.read"], {"requests_per_minute": 5})] * 2


@pytest.mark.parametrize(
    "wrong",
    [("--permission", "everything"), ("--limit", "budget_per_month=1"), ("--limit", "requests_per_minute=many")],
)
def test_what_a_key_cannot_have_is_a_usage_error(wrong: tuple[str, str]) -> None:
    assert run("keys", "create", "--project", "demo", *wrong).exit_code == 2


def test_an_admin_key_is_made_listed_and_revoked() -> None:
    made = tunegate("keys", "admin", "--name", "ops", "--days", "1")
    assert made["key"].startswith("sk-admin-")
    assert [(key["id"], made["key"] in str(key)) for key in tunegate("keys", "list")] == [(made["id"], False)]
    tunegate("keys", "revoke", made["id"])
    assert tunegate("keys", "list") == []


def test_limits_of_a_project_are_set_and_taken_back() -> None:
    tunegate("projects", "create", "demo")
    assert tunegate("projects", "limits", "demo", "--set", "jobs_at_once=1")["jobs_at_once"] == 1
    assert tunegate("projects", "limits", "demo", "--set", "screenings_per_day=0")["screenings_per_day"] == 0
    back = tunegate("projects", "limits", "demo", "--unset", "screenings_per_day")
    assert (back["screenings_per_day"], back["jobs_at_once"]) == (200, 1)


def test_limits_of_a_key_are_raised_and_taken_back() -> None:
    id = tunegate("keys", "create", "--project", "demo", "--limit", "requests_per_minute=5")["id"]
    assert tunegate("keys", "limits", id)["requests_per_minute"] == 5
    raised = tunegate("keys", "limits", id, "--set", "requests_per_minute=50", "--set", "details_per_hour=7")
    assert (raised["requests_per_minute"], raised["details_per_hour"]) == (50, 7)
    back = tunegate("keys", "limits", id, "--unset", "details_per_hour")
    assert (back["requests_per_minute"], back["details_per_hour"]) == (50, 120)
    assert run("keys", "limits", id, "--unset", "budget_per_month").exit_code == 2
    assert [line["act"] for line in tunegate("trail", "--act", "api_key.updated")] == ["api_key.updated"] * 2


def test_a_project_is_bound_to_another_policy() -> None:
    tunegate("projects", "create", "demo")
    assert tunegate("projects", "policy", "demo", "shadow")["policy"] == "shadow"
    assert [project["policy"] for project in tunegate("projects", "list")] == ["shadow"]
    assert isinstance(run("projects", "policy", "demo", "none").exception, PolicyError)


@pytest.mark.parametrize("command", [("projects", "create", " "), ("users", "create", "x" * 129),
                                     ("keys", "create", "--project", "")])  # fmt: skip
def test_nothing_is_made_without_a_name(command: tuple[str, ...]) -> None:
    assert run(*command).exit_code == 2


def test_a_key_for_a_user_makes_no_project() -> None:
    assert isinstance(run("keys", "create", "--project", "demo", "--user", "ada").exception, NotFound)
    assert tunegate("projects", "list") == []


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("keys", "list", "--project", "demo"), "there is no project 'demo'"),
        (("backup", "/nowhere/b.tar"), "there is no directory /nowhere; make it"),
        (("restore", "/nowhere/b.tar"), "/nowhere/b.tar"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(
    command: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tunegate", *command])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err.startswith(f"tunegate: {says}")


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("HOME", "/proc/none", "/proc/none cannot be made .*set TUNEGATE_HOME"),
        ("DATABASE_URL", "sqlite:////nowhere/x.db", "TUNEGATE_DATABASE_URL: there is no directory /nowhere"),
        ("OTLP_ENDPOINT", "collector", "TUNEGATE_OTLP_ENDPOINT is 'collector'; expected a URL"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    variable: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TUNEGATE_{variable}", value)
    with pytest.raises(SettingsError, match=says):
        raise run("keys", "list").exception or AssertionError


def test_a_project_is_erased_by_its_name_said_twice_and_the_trail_has_who_did_it() -> None:
    id = tunegate("projects", "create", "demo")["id"]
    tunegate("keys", "create", "--project", "demo")
    assert run("projects", "erase", "demo", "--confirm", "dema").exit_code == 2
    assert tunegate("projects", "erase", "demo", "--confirm", "demo") == {"id": id, "erased": True}
    (left,) = tunegate("projects", "list")
    assert (left["name"], left["erased_at"] is not None) == (id, True)
    acts = [(line["act"], line["actor_kind"]) for line in reversed(tunegate("trail", "--project", id))]
    assert acts == [(act, "operator") for act in (
        "project.created", "service_account.created", "api_key.created", "project.archived", "project.deleted",
    )]  # fmt: skip
    assert tunegate("projects", "create", "demo")["id"] != id
