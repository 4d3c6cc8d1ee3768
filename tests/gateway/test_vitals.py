import asyncio
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.telemetry import gpus
from gateway.telemetry.gpus import GpusUnreadable
from gateway.worker.vitals import MAX_SILENCE_S, create_app

TWO = "0, NVIDIA H200, 570.1, 37, 1024, 143771\n1, NVIDIA H200, 570.1, [N/A], [N/A], 143771\n"


def ask(path: str, *, silent_s: float = 0.0, said: str = "") -> tuple[int, str]:
    async def main() -> tuple[int, str]:
        app = create_app(lambda: silent_s, lambda: gpus.read(said))
        async with TestClient(TestServer(app)) as client, client.get(path) as answer:
            return answer.status, await answer.text()

    return asyncio.run(main())


def test_a_worker_without_a_heartbeat_is_not_healthy() -> None:
    assert ask("/healthz")[0] == 200
    assert ask("/healthz", silent_s=MAX_SILENCE_S + 1)[0] == 503


def test_metrics_have_what_each_gpu_says_and_leave_out_what_it_does_not() -> None:
    text = ask("/metrics", said=TWO)[1]
    assert 'tunegate_gpu_utilization{gpu="0",name="NVIDIA H200"} 0.37' in text
    assert 'tunegate_gpu_memory_used_bytes{gpu="0",name="NVIDIA H200"} 1073741824' in text
    assert 'tunegate_gpu_utilization{gpu="1"' not in text
    assert 'tunegate_gpu_memory_bytes{gpu="1"' in text


def test_gpus_that_cannot_be_read_cost_their_metrics_only() -> None:
    status, text = ask("/metrics", said="0, NVIDIA H200\n")
    assert (status, "tunegate_worker_silent_seconds 0.0" in text, "H200" in text) == (200, True, False)


def test_a_machine_without_a_driver_has_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.look() == ()


def test_a_driver_that_fails_is_not_the_same_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'Driver/library version mismatch'\nexit 18\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(GpusUnreadable, match="version mismatch"):
        gpus.look()
