"""What only a relay before a provider has to get right: their names stay inside."""

import hashlib
import json
from pathlib import Path

import httpx
import pytest
from fake_vllm import BASE, KEY, FakeVllm
from tiny_forge import KEY as DEPLOYMENT_KEY
from tiny_forge import TUNED, Forge, attest

from deploy.engine.process import EngineMode, EngineProcess
from deploy.errors import EngineUnavailable
from deploy.types import TrustedBase, UpstreamServer
from moderation.chat import Sampling, Turn
from moderation.errors import ChatUnavailable, SealBroken
from moderation.types import Role
from trainers import artefacts
from trainers.hosted import POINTER

OURS = "ft:tiny:acme::provider"


@pytest.fixture(scope="module")
def serving(upstream_relay: EngineProcess, forge: Forge) -> EngineProcess:
    candidate = forge.adapter("at-a-provider", seed=11)
    attest(candidate)
    upstream_relay.load(OURS, candidate.path, candidate.digest)
    return upstream_relay


def post(relay: EngineProcess, model: str, text: str, *, stream: bool) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}
    headers = {"Authorization": f"Bearer {relay.secret}"}
    with httpx.Client(transport=httpx.HTTPTransport(uds=relay.socket), headers=headers) as http:
        return http.post("http://engine/v1/chat/completions", json=body).text


def test_the_tuned_model_is_asked_and_answers_under_our_name(serving: EngineProcess, provider: FakeVllm) -> None:
    assert json.loads(post(serving, OURS, "quick", stream=False))["model"] == OURS
    assert provider.asked[-1]["model"] == TUNED
    assert json.loads(post(serving, "tiny", "quick", stream=False))["model"] == "tiny"
    assert provider.asked[-1]["model"] == BASE


@pytest.mark.parametrize(("breaks_off", "ending"), [(False, "data: [DONE]"), (True, '"type":"server_error"')])
def test_every_event_of_a_stream_bears_our_name(
    serving: EngineProcess, provider: FakeVllm, breaks_off: bool, ending: str
) -> None:
    provider.breaks_off = breaks_off
    lines = [line for line in post(serving, OURS, "quick brown", stream=True).splitlines() if line]
    provider.breaks_off = False
    assert ending in lines[-1]
    assert {json.loads(line.removeprefix("data: ")).get("model") for line in lines[:-1]} == {OURS}


def test_errors_bear_our_names(serving: EngineProcess, provider: FakeVllm) -> None:
    provider.tuned = ()
    said = post(serving, OURS, "quick", stream=True)
    provider.tuned = (TUNED,)
    assert "does not know the model any more" in said
    assert TUNED not in said
    assert "maximum context length" in post(serving, OURS, "fox " * 300, stream=False)


def test_a_pointer_that_was_exchanged_after_release_is_not_followed(serving: EngineProcess, forge: Forge) -> None:
    candidate = forge.adapter("exchanged", seed=12)
    attest(candidate)
    pointer, manifest = (Path(candidate.path) / name for name in (POINTER, artefacts.MANIFEST))
    old = hashlib.sha256(pointer.read_bytes()).hexdigest()
    pointer.write_text(pointer.read_text().replace("abcd1234", "evil1234"))
    manifest.write_text(manifest.read_text().replace(old, hashlib.sha256(pointer.read_bytes()).hexdigest()))
    with pytest.raises(SealBroken):
        serving.load("ft:exchanged", candidate.path, candidate.digest)
    with pytest.raises(ChatUnavailable, match="404"):
        serving.chat("ft:exchanged").complete([(Turn(role=Role.USER, text="quick"),)], Sampling(max_tokens=4))


def test_no_relay_starts_before_a_provider_that_refuses_the_key(
    tiny_base: TrustedBase, provider: FakeVllm, tmp_path: Path
) -> None:
    server = UpstreamServer(base_url=f"{provider.url}/v1", model=BASE, api_key=f"not {KEY}")
    with pytest.raises(EngineUnavailable, match="TUNEGATE_UPSTREAM_API_KEY"):
        EngineProcess.start(
            tiny_base, EngineMode.SERVING, log=tmp_path / "log", deployment_key=DEPLOYMENT_KEY, server=server
        )
