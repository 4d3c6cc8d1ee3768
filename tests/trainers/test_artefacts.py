"""A seal that can be bent is no seal."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from moderation.errors import SealBroken
from trainers.artefacts import MANIFEST, digest_model, load, scale, seal
from trainers.errors import BaseModelError
from trainers.types import CandidateModel, TrainingSpec, Tuning


@pytest.fixture
def sealed(tmp_path: Path, make_spec: Callable[..., TrainingSpec]) -> tuple[Path, str]:
    directory = tmp_path / "artefact"
    directory.mkdir()
    (directory / "adapter_model.safetensors").write_bytes(b"weights")
    (directory / "adapter_config.json").write_text("{}")
    return directory, seal(directory, make_spec(), "sha256:data", trained_tokens=70, n_steps=5)


def test_a_sealed_candidate_loads_as_it_was_sealed(
    sealed: tuple[Path, str], make_spec: Callable[..., TrainingSpec]
) -> None:
    directory, digest = sealed
    candidate = load(directory, digest)
    assert (candidate.path, candidate.digest, candidate.tuning) == (str(directory), digest, Tuning.LORA)
    assert (candidate.training_set_digest, candidate.trained_tokens, candidate.n_steps) == ("sha256:data", 70, 5)
    assert candidate.base == make_spec().base


def test_sealing_twice_gives_the_same_digest(sealed: tuple[Path, str], make_spec: Callable[..., TrainingSpec]) -> None:
    directory, digest = sealed
    assert seal(directory, make_spec(), "sha256:data", trained_tokens=70, n_steps=5) == digest


def test_a_moved_artefact_keeps_its_seal(sealed: tuple[Path, str], tmp_path: Path) -> None:
    directory, digest = sealed
    shutil.copytree(directory, tmp_path / "elsewhere")
    assert load(tmp_path / "elsewhere", digest).digest == digest


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: (d / "adapter_model.safetensors").write_bytes(b"weightz"),
        lambda d: (d / "adapter_config.json").unlink(),
        lambda d: (d / "more.safetensors").write_bytes(b"x"),
        lambda d: (d / "more.bin").write_bytes(b"x"),
        lambda d: (d / MANIFEST).write_text(
            (d / MANIFEST).read_text().replace('"trained_tokens": 70', '"trained_tokens": 71')
        ),
        lambda d: (d / MANIFEST).unlink(),
    ],
    ids=["changed", "missing", "added", "pickle", "manifest", "unsealed"],
)
def test_a_damaged_artefact_is_refused(sealed: tuple[Path, str], damage: Callable[[Path], object]) -> None:
    directory, digest = sealed
    damage(directory)
    with pytest.raises(SealBroken, match=directory.name):
        load(directory, digest)


def test_an_artefact_under_another_digest_is_refused(sealed: tuple[Path, str]) -> None:
    with pytest.raises(SealBroken, match="expected sha256:other"):
        load(sealed[0], "sha256:other")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors"])
def test_every_file_that_decides_an_answer_decides_the_digest(base_path: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "base"
    shutil.copytree(base_path, copy)
    assert digest_model(copy) == digest_model(base_path)
    with (copy / name).open("ab") as file:
        file.write(b" ")
    assert digest_model(copy) != digest_model(base_path)


@pytest.mark.parametrize(("name", "complaint"), [("pytorch_model.bin", "only safetensors"), ("modeling.py", "code")])
def test_pickles_and_code_are_refused(base_path: Path, tmp_path: Path, name: str, complaint: str) -> None:
    copy = tmp_path / "base"
    shutil.copytree(base_path, copy)
    (copy / name).write_bytes(b"")
    with pytest.raises(BaseModelError, match=complaint):
        digest_model(copy)


@pytest.fixture
def adapter(tmp_path: Path, make_spec: Callable[..., TrainingSpec]) -> CandidateModel:
    directory = tmp_path / "adapter"
    directory.mkdir()
    (directory / "adapter_model.safetensors").write_bytes(b"weights")
    (directory / "adapter_config.json").write_text('{"lora_alpha": 32, "r": 16}')
    return load(directory, seal(directory, make_spec(), "sha256:data", trained_tokens=70, n_steps=5))


def test_a_scaled_adapter_is_a_candidate_of_its_own(adapter: CandidateModel, tmp_path: Path) -> None:
    made = scale(adapter, 0.5, tmp_path / "scaled")
    assert json.loads((tmp_path / "scaled" / "adapter_config.json").read_text()) == {"lora_alpha": 16.0, "r": 16}
    assert made.digest != adapter.digest
    assert (made.base, made.training_set_digest) == (adapter.base, "sha256:data")
    manifest = json.loads((tmp_path / "scaled" / MANIFEST).read_text())
    assert manifest["scaled"] == {"candidate_digest": adapter.digest, "factor": 0.5}
    assert load(Path(adapter.path), adapter.digest) == adapter


@pytest.mark.parametrize("factor", [0.0, 1.0, -0.5, 2.0])
def test_an_adapter_is_only_scaled_back(adapter: CandidateModel, tmp_path: Path, factor: float) -> None:
    with pytest.raises(ValueError, match="factor is"):
        scale(adapter, factor, tmp_path / "scaled")


def test_what_holds_whole_modules_is_not_scaled(sealed: tuple[Path, str], make_spec, tmp_path: Path) -> None:
    directory, _ = sealed
    (directory / "adapter_config.json").write_text('{"lora_alpha": 1, "modules_to_save": ["lm_head"]}')
    digest = seal(directory, make_spec(), "sha256:data", trained_tokens=1, n_steps=1)
    with pytest.raises(ValueError, match="whole modules"):
        scale(load(directory, digest), 0.5, tmp_path / "scaled")
