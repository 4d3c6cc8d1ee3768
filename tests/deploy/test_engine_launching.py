from pathlib import Path

import pytest

from deploy.engine.launching import SMALL_MODEL_BYTES, EngineLimits, EngineMode, command, environment
from deploy.engine.process import patience_s
from deploy.types import TrustedBase


def base(path: Path, n_bytes: int = 10) -> TrustedBase:
    with (path / "model.safetensors").open("wb") as file:
        file.truncate(n_bytes)
    return TrustedBase(name="tiny", path=str(path), digest="sha256:tiny")


def test_the_gateways_settings_do_not_reach_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEGATE_OMNI_API_KEY", "sk-secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    given = environment(base(tmp_path), EngineLimits())
    assert "sk-secret" not in given.values()
    assert given["CUDA_VISIBLE_DEVICES"] == "0"


@pytest.mark.parametrize(("n_bytes", "threads"), [(10, "1"), (SMALL_MODEL_BYTES, "7")])
def test_small_models_decode_on_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_bytes: int, threads: str
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    assert environment(base(tmp_path, n_bytes), EngineLimits())["OMP_NUM_THREADS"] == threads


def test_threads_that_were_asked_for_are_given(tmp_path: Path) -> None:
    assert environment(base(tmp_path), EngineLimits(threads=3))["OMP_NUM_THREADS"] == "3"


def test_the_command_line_names_mode_and_bounds(tmp_path: Path) -> None:
    words = command(base(tmp_path), EngineMode.SERVING, "/run/e.sock", EngineLimits(max_rows=5))
    pairs = dict(zip(words[3::2], words[4::2], strict=True))
    assert (pairs["--mode"], pairs["--max-rows"], pairs["--socket"]) == ("serving", "5", "/run/e.sock")


def test_the_larger_a_model_the_longer_its_files_may_take_to_be_read(tmp_path: Path) -> None:
    assert patience_s(str(tmp_path)) == 120
    base(tmp_path, 140 * 10**9)
    assert patience_s(str(tmp_path)) == 120 + 2 * 140e9 / 50e6
