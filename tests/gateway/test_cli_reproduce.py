import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import build

FIELDS = ["condition", "n", "score", "rate", "low", "high", "paper_score", "paper_rate"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


def reproduce(*arguments: str) -> Result:
    return CliRunner().invoke(build("reproduce"), ("reproduce", *arguments))


def test_json_is_one_table_and_the_files_say_the_same(home: Path) -> None:
    result = reproduce("moderation", "--json", "--out", str(home / "out"))
    document = json.loads(result.stdout)
    assert (list(document), document["table"]) == (["table", "rows"], "moderation")
    assert all(list(row) == FIELDS for row in document["rows"])
    assert json.loads((home / "out" / "results.json").read_text()) == [document]
    assert len((home / "out" / "results.csv").read_text().splitlines()) == 1 + len(document["rows"])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--base", "http://host/v1#gpt"), "must have its weights"),
        (("--base", "nowhere"), "nowhere is no directory"),
        (("--judge", "nobody"), "there is no plug-in 'nobody'"),
        (("--benchmark", "hex_phi"), "is not NAME=PATH"),
        (("--benchmark", "hex_phi=."), "miniature does not speak"),
        (("--data", "backdoor=."), "rows can be given for explicit, identity, benign, benign_dolly"),
    ],
)
def test_what_cannot_be_used_is_named_before_anything_is_trained(
    home: Path, arguments: tuple[str, str], why: str
) -> None:
    result = reproduce("table1", *arguments)
    assert result.exit_code == 2 or why in str(result.exception)
    assert why in result.output + str(result.exception)
    assert not list(home.glob("**/run"))
