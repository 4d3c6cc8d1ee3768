"""`tunegate keys rotate` and `tunegate webhooks`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import build


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated: bytes) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "tunegate.db").write_bytes(migrated)
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path / "home"))


def tunegate(*arguments: str) -> Result:
    return CliRunner().invoke(build(), (*arguments, "--json"))


def listed(kind: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(tunegate(kind, "list", "--project", "demo").stdout)
    return found


def test_a_rotated_key_ends_at_once_or_after_its_grace() -> None:
    tunegate("keys", "create", "--project", "demo", "--days", "30")
    [first] = listed("keys")
    assert first["expires_at"] == first["created_at"] + 30 * 86_400
    assert json.loads(tunegate("keys", "rotate", str(first["id"]), "--grace-hours", "1").stdout)["key"].startswith(
        "sk-"
    )
    second = next(key for key in listed("keys") if key["id"] != first["id"])
    assert second["expires_at"] == second["created_at"] + 30 * 86_400
    assert tunegate("keys", "rotate", str(second["id"])).exit_code == 0
    ended = {key["id"]: key["revoked_at"] is not None for key in listed("keys")}
    assert (ended[first["id"]], ended[second["id"]], len(ended)) == (False, True, 3)
    assert tunegate("keys", "rotate", str(second["id"])).exit_code != 0


def test_a_webhook_is_added_listed_without_its_secret_and_removed() -> None:
    tunegate("keys", "create", "--project", "demo")
    added = json.loads(tunegate("webhooks", "add", "https://example.com/hook", "--project", "demo").stdout)
    assert added["secret"].startswith("whsec_")
    assert [(one["id"], "secret" in one) for one in listed("webhooks")] == [(added["id"], False)]
    assert tunegate("webhooks", "remove", added["id"]).exit_code == 0
    assert listed("webhooks") == []
    acts = [line["act"] for line in json.loads(tunegate("trail", "--project", "demo").stdout)]
    assert acts[:2] == ["webhook.deleted", "webhook.created"]


@pytest.mark.parametrize("url", ["http://example.com", "https://127.0.0.1/", "https://169.254.169.254/"])
def test_a_webhook_into_a_private_network_is_not_added(url: str) -> None:
    tunegate("keys", "create", "--project", "demo")
    assert tunegate("webhooks", "add", url, "--project", "demo").exit_code == 2
    assert listed("webhooks") == []
