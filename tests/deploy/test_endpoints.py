"""What every place that serves models keeps to: our engine, and the relays before a vLLM server and a provider."""

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_forge import Forge, attest

from deploy.endpoints import Endpoint
from deploy.engine.process import EngineProcess
from deploy.errors import EngineRefused, NotReleased
from moderation.chat import Sampling, Turn
from moderation.errors import ChatUnavailable, SealBroken
from moderation.types import Role

GREEDY = Sampling(max_tokens=12)
ASKED = [(Turn(role=Role.USER, text="quick"),)]


@pytest.fixture(params=["serving_engine", "relay", "upstream_relay"])
def endpoint(request: pytest.FixtureRequest) -> EngineProcess:
    found: EngineProcess = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    return f"ft:tiny:acme:{abs(hash(request.node.name)):x}:abcdefgh"


def test_it_lives_and_lists_its_base_first(endpoint: EngineProcess) -> None:
    seen: Endpoint = endpoint
    assert seen.alive()
    assert seen.models()[0] == "tiny"
    assert seen.chat("tiny").complete(ASKED, GREEDY)[0].text


def test_it_refuses_what_was_not_released(endpoint: EngineProcess, forge: Forge, name: str) -> None:
    candidate = forge.adapter(f"unreleased-{name}", seed=6)
    with pytest.raises(NotReleased, match="no attestation"):
        endpoint.load(name, candidate.path, candidate.digest)
    attest(candidate, key=b"x" * 32)
    with pytest.raises(NotReleased, match="does not verify"):
        endpoint.load(name, candidate.path, candidate.digest)
    assert name not in endpoint.models()
    with pytest.raises(ChatUnavailable, match="404"):
        endpoint.chat(name).complete(ASKED, GREEDY)


def test_it_answers_under_a_released_name_until_that_is_unloaded(
    endpoint: EngineProcess, forge: Forge, name: str
) -> None:
    candidate = forge.adapter(f"released-{name}", seed=7)
    attest(candidate)
    endpoint.load(name, candidate.path, candidate.digest)
    base, tuned = (endpoint.chat(asked).complete(ASKED, GREEDY) for asked in ("tiny", name))
    assert base != tuned
    endpoint.unload(name)
    endpoint.unload(name)
    assert name not in endpoint.models()


def test_one_changed_byte_is_not_served(endpoint: EngineProcess, forge: Forge, name: str) -> None:
    candidate = forge.adapter(f"changed-{name}", seed=8)
    attest(candidate)
    weights = Path(candidate.path) / "adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(SealBroken):
        endpoint.load(name, candidate.path, candidate.digest)
    assert name not in endpoint.models()


def test_a_model_of_another_base_and_the_bases_own_name_are_refused(
    endpoint: EngineProcess, forge: Forge, name: str
) -> None:
    stranger, candidate = forge.stranger(f"stranger-{name}"), forge.adapter(f"own-{name}", seed=9)
    attest(stranger)
    attest(candidate)
    with pytest.raises(EngineRefused, match="another base"):
        endpoint.load(name, stranger.path, stranger.digest)
    with pytest.raises(EngineRefused, match="base model's name"):
        endpoint.load("tiny", candidate.path, candidate.digest)


def test_too_long_a_conversation_is_the_requests_fault(endpoint: EngineProcess) -> None:
    long = [(Turn(role=Role.USER, text="fox " * 300),)]
    with pytest.raises(ChatUnavailable, match="maximum context length"):
        endpoint.chat("tiny").complete(long, GREEDY)


def test_a_wrong_secret_is_turned_away(endpoint: EngineProcess) -> None:
    with pytest.raises(EngineRefused, match="secret"):
        replace(endpoint, secret="wrong").models()
