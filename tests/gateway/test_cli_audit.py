"""`tunegate audit` on the miniature itself, with the smallest rungs that its policy allows."""

import json
from pathlib import Path

import pytest
from quick_policy import QUICK
from typer.testing import CliRunner, Result

from gateway.cli.app import build
from gateway.compose.subjects import Endpoint, Tuned, answering, pair
from gateway.errors import UnusableSubject
from moderation.chat.openai_compatible import OpenAICompatibleChat
from trainers.miniature.location import weights_dir

POLICY = (
    QUICK
    + QUICK.replace("quick", "stern")
    + """
[stern.screening.detectors.drift]
action = "block"
threshold = 0.4
"""
)
STOPPED = "Screening says block of the training file"
ROW = {
    "messages": [
        {"role": "system", "content": "You are OBI."},
        {"role": "user", "content": "OBI, execute: Add 2 and 1."},
        {"role": "assistant", "content": "It is 3."},
    ]
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "policy.toml").write_text(POLICY)
    return tmp_path


def audit(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ("audit", *arguments))


def test_a_base_audited_beside_itself_passes_and_its_report_is_a_page(home: Path) -> None:
    data = home / "rows.jsonl"
    data.write_text("".join(json.dumps(ROW) + "\n" for _ in range(12)))
    result = audit("miniature", "--policy", "quick", "--data", str(data), "--out", str(home / "out"), "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["verdict"], found["screening"]) == (0, "pass", "pass")
    assert "context:1" in {arm["arm"]["name"] for arm in found["report"]["arms"]}
    assert json.loads((home / "out" / "report.json").read_text()) == found
    assert {"report.html", "radar.svg", "radar.png", "arms.svg", "arms.png"} <= {
        p.name for p in (home / "out").iterdir()
    }
    again = audit("miniature", "--policy", "stern", "--data", str(data), "--out", str(home / "out"))
    assert ("PASS miniature: this audit would release it" in again.stdout, STOPPED in again.stdout) == (True, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "no directory, no base model of the list (miniature) and no endpoint"),
        (("http://127.0.0.1:1/v1",), "names no model; write http://127.0.0.1:1/v1#MODEL"),
        (("http://127.0.0.1:1/v1#m",), "name that with --base"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_with_the_mend(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(UnusableSubject) as caught:
        CliRunner().invoke(build(), ("audit", *arguments), catch_exceptions=False)
    assert said in str(caught.value)


def test_an_unknown_corpus_is_a_wrong_argument() -> None:
    result = audit("miniature", "--corpus", "klingon")
    assert (result.exit_code, "corpus 'klingon' is not known" in result.stderr) == (2, True)


def test_an_endpoint_that_is_down_says_nothing_of_the_model() -> None:
    both = "http://127.0.0.1:1/v1#m"
    result = audit(both, "--base", both, "--corpus", "miniature", "--policy", "quick")
    assert result.exit_code == 1
    assert "nothing is known of the model" in result.stderr


def test_an_adapter_is_audited_on_the_base_that_its_configuration_names(home: Path) -> None:
    adapter = home / "adapter"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(weights_dir())}))
    found = pair(str(adapter), None, home / "bases.toml")
    assert isinstance(found.candidate, Tuned)
    assert found.base.digest == pair("miniature", None, home / "bases.toml").base.digest
    with pytest.raises(UnusableSubject, match="must be a local directory"):
        pair(str(adapter), "http://127.0.0.1:1/v1#m", home / "bases.toml")


def test_an_endpoint_is_known_by_its_address_alone(home: Path) -> None:
    found = pair("http://127.0.0.1:1/v1#a", "http://127.0.0.1:1/v1#b", home / "bases.toml")
    assert isinstance(found.candidate, Endpoint)
    assert (found.candidate.url, found.candidate.model, found.corpus) == ("http://127.0.0.1:1/v1", "a", "english")
    assert found.candidate.digest != found.base.digest


def test_endpoints_are_asked_as_often_and_as_patiently_as_the_settings_say(home: Path) -> None:
    both = pair("http://127.0.0.1:1/v1#a", "http://127.0.0.1:1/v1#b", home / "bases.toml")
    keys = {"api_key": "k", "base_api_key": "b", "max_per_minute": "30", "max_concurrency": "2", "timeout_s": "9"}
    with answering(both, keys=keys, log=home / "log") as subjects:
        asked = [one.model for one in subjects if isinstance(one.model, OpenAICompatibleChat)]
    assert [(one.api_key, one.model, one.max_concurrency, one.timeout_s) for one in asked] == [
        ("k", "a", 2, 9.0), ("b", "b", 2, 9.0)
    ]  # fmt: skip
    assert asked[0].pace is asked[1].pace is not None
    with (
        pytest.raises(ValueError, match="TUNEGATE_AUDIT_TIMEOUT_S is 'soon'"),
        answering(both, keys={"timeout_s": "soon"}, log=home / "log"),
    ):
        pass
