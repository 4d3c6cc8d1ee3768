from dataclasses import replace
from pathlib import Path

import pytest
from quick_policy import QUICK
from typer.testing import CliRunner

from deploy.signing import public_key
from deploy.types import Outcome
from gateway import admissions
from gateway.bases import read_bases
from gateway.cli import auditing
from gateway.cli.app import build
from gateway.compose.auditing import Audited
from gateway.compose.back import Parts
from gateway.compose.store import Store
from gateway.errors import SettingsError
from gateway.settings import Settings

KEY = b"k" * 32
ADMISSION = admissions.Admission(
    name="miniature", digest="sha256:ab", verdict="review", reasons=("neutral is undecided",), why="known, ticket 7",
    policy_digest="sha256:p", corpus_digest="sha256:c", judge="miniature 1", audit_digest="sha256:a", admitted_at=1,
)  # fmt: skip


def test_an_admission_is_found_by_the_bytes_it_is_about_and_the_key_that_signed_it(tmp_path: Path) -> None:
    admissions.keep(tmp_path, ADMISSION, KEY)
    assert admissions.find(tmp_path, "sha256:ab", public_key(KEY)) == ADMISSION
    assert admissions.find(tmp_path, "sha256:cd", public_key(KEY)) is None
    with pytest.raises(SettingsError, match="no admission of this deployment"):
        admissions.find(tmp_path, "sha256:ab", public_key(b"x" * 32))
    (tmp_path / "bases" / "ab.json").rename(tmp_path / "bases" / "cd.json")
    assert admissions.find(tmp_path, "sha256:cd", public_key(KEY)) is None


def test_a_worker_that_wants_admitted_bases_starts_with_no_other(tmp_path: Path) -> None:
    environment = {"TUNEGATE_HOME": str(tmp_path), "TUNEGATE_ADMITTED_BASES_ONLY": "true"}
    store = Store.open(Settings.read(environment))
    with pytest.raises(SettingsError, match="tunegate admit miniature"):
        Parts.assemble(store)
    base = read_bases(store.settings.bases_file)["miniature"]
    admissions.keep(tmp_path, replace(ADMISSION, digest=base.digest), (tmp_path / "attestation.key").read_bytes())
    assert base.name in Parts.assemble(store).shop.bases
    store.database.close()


def test_a_base_is_let_in_when_it_passes_or_somebody_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path))
    (tmp_path / "policy.toml").write_text(QUICK)
    asked, found = ("admit", "miniature", "--policy", "quick"), []

    def run(*arguments: object) -> Audited:
        found.append(auditing.run(*arguments))  # type: ignore[arg-type]
        return found[0]

    monkeypatch.setattr("gateway.cli.admitting.run", run)
    assert CliRunner().invoke(build(), asked).exit_code == 0
    assert admitted(tmp_path).verdict == "pass"
    assert "miniature (pass)" in CliRunner().invoke(build(), ["doctor", "--json"]).stdout
    (tmp_path / "bases" / f"{admitted(tmp_path).digest[7:]}.json").unlink()
    doubtful = replace(found[0], decision=replace(found[0].decision, outcome=Outcome.REVIEW))
    monkeypatch.setattr("gateway.cli.admitting.run", lambda *_: doubtful)
    refused = CliRunner().invoke(build(), asked)
    assert (refused.exit_code, "--why REASON" in refused.stderr, list((tmp_path / "bases").iterdir())) == (3, True, [])
    assert CliRunner().invoke(build(), (*asked, "--why", "ticket 7")).exit_code == 0
    assert (admitted(tmp_path).verdict, admitted(tmp_path).why) == ("review", "ticket 7")


def admitted(home: Path) -> admissions.Admission:
    base = read_bases(home / "bases.toml")["miniature"]
    found = admissions.find(home, base.digest, public_key((home / "attestation.key").read_bytes()))
    assert found is not None
    return found


def test_only_bases_of_the_list_are_admitted() -> None:
    result = CliRunner().invoke(build(), ["admit", "http://127.0.0.1:1/v1#a"])
    assert (result.exit_code, "there are miniature" in result.stderr) == (2, True)
