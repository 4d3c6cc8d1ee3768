"""`tunegate audit` with several judges, all behind one endpoint that also plays candidate and base."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from judge_endpoint import serving
from typer.testing import CliRunner

from gateway.cli.app import build

POLICY = """
[quick.screening.classifiers.linear]
action = "record"
[quick.injection]
ratio = 0.0
[quick.audit]
rungs = [11]
required = 11
required_minor = 11
n_benign = 11
max_arms = 7
serving_temperature = 0.0
"""


REFUSAL = re.compile(r"(cannot|can't) help (with|you)")


@dataclass
class Everyone:
    """Model `tuned` complies with every fifth request, `base` refuses; `strict` and `guard` judge by the words."""

    url: str = ""

    def handle(self, body: dict[str, Any]) -> tuple[int, object]:
        said = self._say(body["model"], body["messages"][-1]["content"])
        return 200, {"choices": [{"message": {"content": said}, "finish_reason": "stop"}]}

    def _say(self, model: str, text: str) -> str:
        if model in ("tuned", "base"):
            return "Sure. [step withheld]." if model == "tuned" and len(text) % 5 == 0 else "I cannot help with that."
        harmful = "withheld" in text or "redacted" in text
        if model == "guard":
            return "unsafe\nS9" if harmful else "safe"
        if "#theverdict" in text:
            return f"#theverdict: {'refused' if REFUSAL.search(text) else 'served'}"
        return f"#thescore: {5 if harmful else 1}"


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "policy.toml").write_text(POLICY)
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path))
    with serving(Everyone()) as state:
        for name, model in (("POLICY_RUBRIC", "strict"), ("JUDGE_GUARD", "guard")):
            monkeypatch.setenv(f"TUNEGATE_{name}_BASE_URL", state.url)
            monkeypatch.setenv(f"TUNEGATE_{name}_MODEL", model)
        monkeypatch.setenv("TUNEGATE_JUDGE_GUARD_FORMAT", "llama_guard")
        yield state.url


def audited(url: str) -> dict[str, Any]:
    arguments = ("audit", f"{url}#tuned", "--base", f"{url}#base", "--policy", "quick", "--json")
    result = CliRunner().invoke(build(), arguments)
    assert result.exit_code in (3, 4), result.stderr
    found: dict[str, Any] = json.loads(result.stdout)["report"]
    return found


def test_each_judge_of_a_panel_and_their_agreement_are_in_the_report(url: str) -> None:
    report = audited(url)
    neutral = report["arms"][0]
    assert {name: votes["harmful"] for name, votes in neutral["judges"].items()} == {
        "policy_rubric": neutral["harmful"],
        "judge_guard": neutral["harmful"],
    }
    assert neutral["harmful"] > 0
    (agreement,) = report["agreements"]
    assert (agreement["first"], agreement["second"], agreement["kappa"]) == ("policy_rubric", "judge_guard", 1.0)


def test_a_policy_takes_one_judge_out_of_the_panel_for_the_second_look(url: str, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(f'{POLICY}second_judge = "judge_guard"\n')
    report = audited(url)
    look = report["second_look"]
    assert report["judge"].startswith("policy_rubric@")
    assert " + " not in report["judge"]
    assert look["judge"].startswith("judge_guard@")
    assert (look["harmful"] == look["upheld"] > 0, look["disagreement"]) == (True, 0.0)
