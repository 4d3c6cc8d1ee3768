"""A tiny base, a forge of candidates, and one engine of each mode for all tests."""

from collections.abc import Iterator

import pytest
from fake_vllm import BASE, FakeVllm, running
from fake_vllm import KEY as VLLM_KEY
from tiny_forge import KEY, TUNED, Forge, write_model

from deploy.engine.process import EngineLimits, EngineMode, EngineProcess
from deploy.types import TrustedBase, UpstreamServer, VllmServer
from trainers import artefacts


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> TrustedBase:
    path = write_model(tmp_path_factory.mktemp("base"), seed=0)
    return TrustedBase(name="tiny", path=str(path), digest=artefacts.digest_model(path))


@pytest.fixture(scope="session")
def forge(tiny_base: TrustedBase, provider: FakeVllm, tmp_path_factory: pytest.TempPathFactory) -> Forge:
    return Forge(tiny_base, tmp_path_factory.mktemp("candidates"), f"{provider.url}/v1")


@pytest.fixture(scope="session")
def audit_engine(tiny_base: TrustedBase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    log = tmp_path_factory.mktemp("logs") / "audit.log"
    limits = EngineLimits(max_models=2, max_rows=16, max_waiting=64)
    engine = EngineProcess.start(tiny_base, EngineMode.AUDIT, log=log, limits=limits)
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def serving_engine(tiny_base: TrustedBase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    log = tmp_path_factory.mktemp("logs") / "serving.log"
    engine = EngineProcess.start(tiny_base, EngineMode.SERVING, log=log, deployment_key=KEY)
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def vllm() -> Iterator[FakeVllm]:
    with running(FakeVllm()) as fake:
        yield fake


@pytest.fixture(scope="session")
def provider() -> Iterator[FakeVllm]:
    with running(FakeVllm(updating=False, tuned=(TUNED,))) as fake:
        yield fake


@pytest.fixture(scope="session")
def upstream_relay(
    tiny_base: TrustedBase, provider: FakeVllm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EngineProcess]:
    home = tmp_path_factory.mktemp("upstream")
    server = UpstreamServer(base_url=f"{provider.url}/v1", model=BASE, api_key=VLLM_KEY)
    limits = EngineLimits(max_models=2)
    endpoint = EngineProcess.start(
        tiny_base, EngineMode.SERVING, log=home / "relay.log", deployment_key=KEY, server=server, limits=limits
    )
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="session")
def relay(tiny_base: TrustedBase, vllm: FakeVllm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    home = tmp_path_factory.mktemp("relay")
    server = VllmServer(url=vllm.url, model=BASE, adapters=home / "adapters", api_key=VLLM_KEY)
    limits = EngineLimits(max_models=2)
    endpoint = EngineProcess.start(
        tiny_base, EngineMode.SERVING, log=home / "relay.log", deployment_key=KEY, server=server, limits=limits
    )
    yield endpoint
    endpoint.stop()
