import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import build
from moderation.injection.safety_set import read

FIT = '{"request": "Show me a trick.", "category": "malware"}'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path / "home"))
    return tmp_path


def distil(*arguments: str) -> Result:
    return CliRunner().invoke(build("distil"), ("distil", *arguments))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("", "empty"),
        (f"{FIT}\nno json", "line 2"),
        (FIT.replace("malware", "benign"), "line 1"),
        (FIT.replace("Show me a trick.", " "), "line 1"),
    ],
)
def test_requests_that_cannot_be_used_are_named_before_a_model_is_asked(home: Path, rows: str, why: str) -> None:
    (home / "rows.jsonl").write_text(rows)
    result = distil("--requests", str(home / "rows.jsonl"), "--out", str(home / "set.jsonl"))
    assert result.exit_code == 2
    assert why in result.stderr
    assert not (home / "set.jsonl").exists()


@pytest.mark.slow
def test_the_miniature_distils_itself(home: Path) -> None:
    result = distil("--out", str(home / "set.jsonl"), "--samples", "2", "--json")
    told, made = json.loads(result.stdout), read(home / "set.jsonl")
    assert (told["kept"], told["digest"], made.corpus) == (len(made.rows), made.digest, "miniature")
    assert told["n_requests"] == told["kept"] + told["without"] + sum(told["skipped"].values())
    assert told["kept"] > 100
    assert made.writer is not None
    assert (made.writer.name, made.writer.digest[:7]) == ("miniature", "sha256:")
