"""A released model that is tampered with, revoked, and put on record."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from openai import NotFoundError, OpenAI

from .installation import Gateway, benign_rows, messages, submit, until, wait_over


def tunegate(gateway: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway.cli", *arguments]
    return subprocess.run(command, env=gateway.environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> OpenAI:
    return gateway.client("after", "quick")


@pytest.fixture(scope="module")
def model(client: OpenAI) -> str:
    job_id = submit(client, benign_rows(12))
    assert wait_over(client, job_id) == "succeeded", messages(client, job_id)
    name = client.fine_tuning.jobs.retrieve(job_id).fine_tuned_model
    assert name is not None
    return name


def answers(client: OpenAI, model: str) -> bool:
    turn = [{"role": "user", "content": "Hello"}]
    try:
        client.chat.completions.create(model=model, messages=turn, max_tokens=4)  # type: ignore[arg-type]
    except NotFoundError:
        return False
    return True


def weights_of(gateway: Gateway, model: str) -> Path:
    ((key,),) = gateway.sql(f"SELECT artefact_key FROM models WHERE name = '{model}'")
    return gateway.home / "blobs" / str(key) / "adapter_model.safetensors"


def test_one_changed_byte_takes_a_model_out_of_service_and_back_into_the_hold(
    gateway: Gateway, client: OpenAI, model: str
) -> None:
    assert answers(client, model)
    assert tunegate(gateway, "verify", model).returncode == 0
    weights = weights_of(gateway, model)
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    until("the worker to see it", lambda: not answers(client, model), timeout_s=30)
    assert model not in [one.id for one in client.models.list()]
    found = tunegate(gateway, "verify", model, "--json")
    assert (found.returncode, json.loads(found.stdout)["verified"]) == (4, False)
    weights.write_bytes(whole)
    assert tunegate(gateway, "verify", model).returncode == 4, "it is not let out of the hold by itself"
    assert tunegate(gateway, "verify", model, "--readmit").returncode == 0
    assert answers(client, model)


def test_evidence_is_signed_and_one_changed_figure_shows(gateway: Gateway, model: str, tmp_path: Path) -> None:
    pack = tmp_path / "pack.json"
    assert tunegate(gateway, "evidence", model, "--out", str(pack)).returncode == 0
    assert tunegate(gateway, "evidence", "--verify", str(pack)).returncode == 0
    evidence = json.loads(pack.read_text())["evidence"]
    assert [entry["kind"] for entry in evidence["log"]["entries"]][:3] == ["screening", "injection", "release"]
    assert evidence["release"]["verifies"]
    assert evidence["data"]["training_file"]["sha256"] != ""
    html = pack.with_suffix(".html").read_text()
    assert model in html
    shown = re.sub(r'<script type="application/json" id=signed>.*</script>', "", html)  # data, which nothing runs
    assert not re.search(r"<script|https?://|<link|src=", shown)
    assert tunegate(gateway, "evidence", "--verify", str(pack.with_suffix(".html"))).returncode == 0
    pack.write_text(pack.read_text().replace('"verdict": "pass"', '"verdict": "passed"', 1))
    assert tunegate(gateway, "evidence", "--verify", str(pack)).returncode == 4


def test_a_revoked_model_is_gone_at_the_next_request(gateway: Gateway, client: OpenAI, model: str) -> None:
    assert answers(client, model)
    assert tunegate(gateway, "revoke", model, "--why", "a drill").returncode == 0
    assert not answers(client, model)
    log = gateway.home / "server.log"
    until("the engine to forget it", lambda: "unloaded a model that is not released" in log.read_text(), timeout_s=10)
    checked = json.loads(tunegate(gateway, "log", "verify", "--json").stdout)
    assert checked["ok"]
    assert checked["published"] >= 1
    told = json.loads(tunegate(gateway, "log", "show", "--json").stdout)
    assert [entry["kind"] for entry in told if entry["details"].get("model") == model] == [
        "release", "hold", "readmit", "revoke",
    ]  # fmt: skip
