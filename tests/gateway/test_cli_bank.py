import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway import banks
from gateway.cli.app import build
from gateway.compose import asked
from gateway.errors import SettingsError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def tunegate(*arguments: str) -> Result:
    return CliRunner().invoke(build(), arguments)


def test_a_drawn_bank_is_secret_counted_and_asked(home: Path) -> None:
    drawn = json.loads(tunegate("bank", "draw", "--json").stdout)
    assert (drawn["n"], set(drawn["categories"].values())) == (330, {30})
    assert (home / "bank.json").stat().st_mode & 0o777 == 0o600
    assert json.loads(tunegate("bank", "show", "--json").stdout)["digest"] == drawn["digest"]
    assert asked.corpus("english", home).name == "english+own"
    assert asked.corpus("miniature", home).name == "miniature"


def test_a_bank_is_replaced_only_when_that_is_asked_for(home: Path) -> None:
    first = json.loads(tunegate("bank", "draw", "--json").stdout)["digest"]
    assert tunegate("bank", "draw").exit_code == 2
    assert json.loads(tunegate("bank", "draw", "--again", "--json").stdout)["digest"] != first


def test_without_a_bank_nothing_changes(home: Path) -> None:
    assert tunegate("bank", "show").exit_code == 2
    assert asked.corpus("english", home).name == "english"


def test_a_bank_that_others_can_read_or_that_was_edited_stops_everything(home: Path) -> None:
    tunegate("bank", "draw")
    path = home / "bank.json"
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        banks.read(home)
    path.chmod(0o600)
    path.write_text(path.read_text().replace('"text": "', '"text": "x', 1))
    with pytest.raises(SettingsError, match="was changed after it was drawn"):
        banks.read(home)


def advbench(path: Path) -> Path:
    path.write_text("goal\n" + "\n".join(f"harm {i}" for i in range(520)) + "\n")
    return path


def test_a_public_set_is_asked_until_its_file_changes(home: Path, tmp_path: Path) -> None:
    path = advbench(tmp_path / "a.csv")
    result = tunegate("bank", "use", "advbench", str(path), "--json")
    assert json.loads(result.stdout)["harmful"] == 520
    assert asked.corpus("english", home).name == "english+advbench"
    assert "harm 7" not in (home / "benchmarks.json").read_text()
    path.write_text(path.read_text() + "harm 520\n")
    with pytest.raises(SettingsError, match="another release, or was edited; put the file back"):
        asked.corpus("english", home)
    assert tunegate("bank", "drop", "advbench").exit_code == 0
    assert tunegate("bank", "drop", "advbench").exit_code == 2


def test_a_file_that_is_no_such_set_is_refused_with_the_reason(home: Path, tmp_path: Path) -> None:
    result = tunegate("bank", "use", "xstest", str(advbench(tmp_path / "a.csv")))
    assert result.exit_code == 2
    assert "holds no row of XSTest" in result.stderr
    assert json.loads(tunegate("bank", "sets", "--json").stdout)[0]["used"] is False
    unknown = tunegate("bank", "use", "no_such_suite", str(tmp_path))
    assert (unknown.exit_code, "there is no benchmark 'no_such_suite'" in unknown.stderr) == (2, True)
