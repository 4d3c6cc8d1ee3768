"""Runs that go on from a released model instead of from its base."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from preference_rows import sealed_pairs
from safetensors.torch import load_file
from tiny_base import write_rows

from trainers.artefacts import load
from trainers.recipe.run import run
from trainers.run_directory import Order, RunDirectory
from trainers.spec import goes_on_as, spec_from_json, spec_to_json
from trainers.types import CandidateModel, Hyperparameters, Method, ParentModel, TrainingSpec, Tuning

# trl and peft still read names that transformers has renamed.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

Train = Callable[..., RunDirectory]
Make = Callable[..., TrainingSpec]


def candidate(directory: RunDirectory) -> CandidateModel:
    digest = directory.result()
    assert digest is not None, directory.failure()
    return load(directory.artefact, digest)


def parent_of(model: CandidateModel) -> ParentModel:
    return ParentModel(name="ft:tiny:acme::abcd1234", path=model.path, digest=model.digest)


@pytest.mark.parametrize("tuning", [Tuning.LORA, Tuning.FULL])
def test_a_run_goes_on_where_the_released_model_stood(
    tuning: Tuning, train: Train, make_spec: Make, tmp_path: Path
) -> None:
    valid = write_rows(tmp_path / "valid.jsonl", 5)
    first = train(make_spec(tuning, n_epochs=3), name="first", validation=valid)
    parent = parent_of(candidate(first))
    second = train(make_spec(tuning, n_epochs=1, multiplier=1e-6, parent=parent), name="second", validation=valid)
    assert second.metrics()[-1].full_valid_loss == pytest.approx(first.metrics()[-1].full_valid_loss, rel=1e-3)
    child = candidate(second)
    assert (child.parent_digest, child.base) == (parent.digest, make_spec().base)
    assert {path.name for path in Path(child.path).iterdir()} == {path.name for path in Path(parent.path).iterdir()}


def test_a_lora_can_be_merged_and_every_weight_moved(train: Train, make_spec: Make, tmp_path: Path) -> None:
    valid = write_rows(tmp_path / "valid.jsonl", 5)
    first = train(make_spec(n_epochs=3), name="first", validation=valid)
    spec = make_spec(Tuning.FULL, n_epochs=1, multiplier=1e-6, parent=parent_of(candidate(first)))
    second = train(spec, name="second", validation=valid)
    assert second.metrics()[-1].full_valid_loss == pytest.approx(first.metrics()[-1].full_valid_loss, rel=1e-3)
    assert not (Path(candidate(second).path) / "adapter_config.json").exists()


def test_preferences_are_measured_against_the_parent_and_only_one_adapter_is_kept(
    train: Train, make_spec: Make, tmp_path: Path
) -> None:
    pairs = sealed_pairs(tmp_path, 12)
    numbers = Hyperparameters(n_epochs=1, batch_size=4, learning_rate_multiplier=10.0, beta=0.5)
    parent = parent_of(candidate(train(make_spec(n_epochs=3), name="first")))
    directory = RunDirectory(root=tmp_path / "second")
    directory.root.mkdir()
    spec = make_spec(method=Method.DPO, hyperparameters=numbers, parent=parent)
    order = Order(spec=spec, training_path=pairs.path, training_digest=pairs.digest, validation_path=None)
    directory.write_text("spec.json", order.to_json())
    run(directory.root)
    assert directory.metrics()[0].train_loss == pytest.approx(0.6931, abs=1e-3)
    child = candidate(directory)
    files = sorted(path.relative_to(child.path).as_posix() for path in Path(child.path).rglob("*"))
    assert files == ["adapter_config.json", "adapter_model.safetensors", "manifest.json"]
    before, after = (load_file(f"{path}/adapter_model.safetensors") for path in (parent.path, child.path))
    assert before.keys() == after.keys()
    assert any(not before[name].equal(after[name]) for name in before)


def test_a_parent_that_changed_or_cannot_go_on_is_refused(train: Train, make_spec: Make, tmp_path: Path) -> None:
    whole = candidate(train(make_spec(Tuning.FULL, n_epochs=1), name="whole"))
    refused = train(make_spec(parent=parent_of(whole)), name="a").failure()
    assert refused is not None
    assert (refused.code, "'full' of tiny" in refused.message) == ("model_not_tunable", True)
    copy = Path(shutil.copytree(whole.path, tmp_path / "copy"))
    (copy / "config.json").write_text(json.dumps({}))
    changed = ParentModel(name="ft:x", path=str(copy), digest=whole.digest)
    broken = train(make_spec(Tuning.FULL, parent=changed), name="b").failure()
    assert broken is not None
    assert (broken.code, "config.json" in broken.message) == ("model_not_tunable", True)


def test_an_adapter_goes_on_as_its_kind_or_is_merged_and_a_parent_survives_the_disk(make_spec: Make) -> None:
    allowed = {(a, b) for a in Tuning for b in Tuning if goes_on_as(a, b)}
    assert allowed == {(Tuning.LORA, Tuning.LORA), (Tuning.LORA, Tuning.FULL), (Tuning.FULL, Tuning.FULL)}
    spec = make_spec(parent=ParentModel(name="ft:x", path="/x", digest="sha256:x"))
    assert spec_from_json(spec_to_json(spec)) == spec
