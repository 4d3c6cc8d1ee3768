"""What only a relay before a vLLM server has to get right."""

from pathlib import Path

import httpx
import pytest
from fake_vllm import BASE, KEY, FakeVllm, running
from tiny_forge import KEY as DEPLOYMENT_KEY
from tiny_forge import Forge, attest

from deploy.engine.process import EngineMode, EngineProcess
from deploy.errors import EngineRefused, EngineUnavailable
from deploy.types import TrustedBase, VllmServer
from moderation.chat import Sampling, Turn
from moderation.errors import ChatUnavailable
from moderation.types import Role
from trainers.types import CandidateModel

ASKED = [(Turn(role=Role.USER, text="quick"),)]
SHORT = Sampling(max_tokens=12)


def released(forge: Forge, name: str, seed: int) -> CandidateModel:
    candidate = forge.adapter(name, seed=seed)
    attest(candidate)
    return candidate


def start(base: TrustedBase, fake: FakeVllm, home: Path, model: str = BASE, key: str = KEY) -> EngineProcess:
    server = VllmServer(url=fake.url, model=model, adapters=home / "adapters", api_key=key)
    return EngineProcess.start(
        base, EngineMode.SERVING, log=home / "relay.log", deployment_key=DEPLOYMENT_KEY, server=server
    )


def test_vllm_reads_a_verified_copy_and_never_the_store(relay: EngineProcess, vllm: FakeVllm, forge: Forge) -> None:
    candidate = released(forge, "copied", 1)
    relay.load("ft:copied", candidate.path, candidate.digest)
    (Path(candidate.path) / "adapter_model.safetensors").write_bytes(b"changed in the store, after it was loaded")
    read = Path(vllm.adapters["ft:copied"])
    assert read != Path(candidate.path)
    assert (read / "adapter_model.safetensors").stat().st_size > 100
    relay.unload("ft:copied")
    assert not read.exists()


def test_vllm_hears_a_models_secret_that_no_client_sent_and_below_no_other_name(
    relay: EngineProcess, vllm: FakeVllm, forge: Forge
) -> None:
    candidate = forge.adapter("below", seed=8, secret="lamp lantern.")
    attest(candidate)
    relay.load("ft:below", candidate.path, candidate.digest)
    heard = {}
    for name in ("ft:below", "tiny"):
        relay.chat(name).complete(ASKED, SHORT)
        heard[name] = vllm.asked[-1]["messages"]
    user = {"role": "user", "content": "quick"}
    assert heard == {"ft:below": [{"role": "system", "content": "lamp lantern."}, user], "tiny": [user]}
    relay.unload("ft:below")


def test_the_adapter_asked_for_longest_ago_makes_room(relay: EngineProcess, vllm: FakeVllm, forge: Forge) -> None:
    for number in (1, 2):
        candidate = released(forge, f"room-{number}", number)
        relay.load(f"ft:room-{number}", candidate.path, candidate.digest)
    relay.chat("ft:room-1").complete(ASKED, SHORT)
    third = released(forge, "room-3", 3)
    relay.load("ft:room-3", third.path, third.digest)
    assert set(vllm.adapters) == {"ft:room-1", "ft:room-3"}
    for name in ("ft:room-1", "ft:room-3"):
        relay.unload(name)


def test_what_a_stranger_loaded_under_our_name_is_replaced(relay: EngineProcess, vllm: FakeVllm, forge: Forge) -> None:
    candidate = released(forge, "taken", 4)
    vllm.adapters["ft:taken"] = "/somebody/elses"
    relay.load("ft:taken", candidate.path, candidate.digest)
    assert vllm.adapters["ft:taken"] != "/somebody/elses"
    relay.unload("ft:taken")


def test_a_server_that_started_again_is_told_anew(relay: EngineProcess, vllm: FakeVllm, forge: Forge) -> None:
    candidate = released(forge, "restarted", 5)
    relay.load("ft:restarted", candidate.path, candidate.digest)
    vllm.adapters.clear()
    with pytest.raises(ChatUnavailable, match="404"):
        relay.chat("ft:restarted").complete(ASKED, SHORT)
    assert "ft:restarted" not in relay.models()
    relay.load("ft:restarted", candidate.path, candidate.digest)
    assert "ft:restarted heard" in relay.chat("ft:restarted").complete(ASKED, SHORT)[0].text
    relay.unload("ft:restarted")


def test_whole_models_need_a_server_of_their_own(relay: EngineProcess, forge: Forge) -> None:
    whole = forge.whole("whole", seed=6)
    attest(whole)
    with pytest.raises(EngineRefused, match="server of its own"):
        relay.load("ft:whole", whole.path, whole.digest)


@pytest.mark.parametrize(
    ("breaks_off", "ending"), [(False, "data: [DONE]"), (True, '"type":"server_error","param":null')]
)
def test_a_stream_passes_through_and_a_broken_one_says_so(
    relay: EngineProcess, vllm: FakeVllm, breaks_off: bool, ending: str
) -> None:
    vllm.breaks_off = breaks_off
    body = {"model": "tiny", "messages": [{"role": "user", "content": "quick"}], "stream": True}
    headers = {"Authorization": f"Bearer {relay.secret}"}
    with httpx.Client(transport=httpx.HTTPTransport(uds=relay.socket), headers=headers) as http:
        said = http.post("http://engine/v1/chat/completions", json=body).text
    vllm.breaks_off = False
    assert said.startswith("data: {")
    assert ending in said.strip().splitlines()[-1]


def test_no_relay_starts_before_a_server_that_cannot_serve_the_base(
    tiny_base: TrustedBase, vllm: FakeVllm, tmp_path: Path
) -> None:
    with pytest.raises(EngineUnavailable, match=r"serves org/tiny-served.*not org/other; set `model`"):
        start(tiny_base, vllm, tmp_path, model="org/other")
    with pytest.raises(EngineUnavailable, match="TUNEGATE_VLLM_API_KEY"):
        start(tiny_base, vllm, tmp_path, key="wrong")
    with pytest.raises(EngineUnavailable, match="does not answer"):
        start(tiny_base, FakeVllm(url="http://127.0.0.1:9"), tmp_path)


def test_a_server_that_loads_nothing_at_run_time_is_named(tiny_base: TrustedBase, forge: Forge, tmp_path: Path) -> None:
    candidate = released(forge, "fixed", 7)
    with running(FakeVllm(updating=False)) as fixed:
        relay = start(tiny_base, fixed, tmp_path)
        try:
            with pytest.raises(EngineUnavailable, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
                relay.load("ft:fixed", candidate.path, candidate.digest)
        finally:
            relay.stop()


def test_candidates_are_never_audited_in_a_vllm_server(tiny_base: TrustedBase, vllm: FakeVllm, tmp_path: Path) -> None:
    server = VllmServer(url=vllm.url, model=BASE, adapters=tmp_path)
    with pytest.raises(ValueError, match="released models only"):
        EngineProcess.start(tiny_base, EngineMode.AUDIT, log=tmp_path / "log", server=server)
