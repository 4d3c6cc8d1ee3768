"""The report of an audit that the gateway made of a job, written from what it stored."""

import json
from pathlib import Path

import pytest
from toy_shop import make_toy
from typer.testing import CliRunner

from gateway.cli.app import build


def test_the_page_of_a_jobs_audit_is_written_with_the_worst_replies_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = make_toy(tmp_path)
    job_id = toy.tell(toy.submit()).id
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TUNEGATE_DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    out = tmp_path / "out"
    wanted = ("jobs", "report", job_id, "--out", str(out), "--json")
    told = CliRunner().invoke(build("jobs"), wanted)
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["examples"] > 0
    page = (out / "report.html").read_text()
    assert (f"{job_id}, failed" in page, "BLOCK" in page, "redacted" in page) == (True, True, True)
    assert json.loads((out / "report.json").read_text())["report"] == toy.job(job_id).audit


def test_a_job_without_an_audit_has_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = make_toy(tmp_path)
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TUNEGATE_DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    told = CliRunner().invoke(build("jobs"), ("jobs", "report", toy.submit(), "--out", str(tmp_path / "out")))
    assert told.exit_code == 2
