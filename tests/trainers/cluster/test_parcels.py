"""What travels through the store: whole or not at all, and only the attempt that counts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from moderation.types import TrainingSet
from trainers.artefacts import seal
from trainers.cluster.parcels import Parcels
from trainers.recipe.checkpoints import mark_complete
from trainers.run_directory import Order, RunDirectory
from trainers.types import ParentModel, RunFailure, TrainingSpec


@pytest.fixture(params=["directory", "memory"])
def parcels(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Parcels]:
    url = (tmp_path / "store" / "run").as_uri() if request.param == "directory" else "memory://store/run"
    made = Parcels(url)
    yield made
    made.remove()
    assert not fsspec.core.url_to_fs(url)[0].exists(url)


def run_in(path: Path) -> RunDirectory:
    path.mkdir()
    return RunDirectory(root=path)


def checkpoint(run: RunDirectory, step: int, *, complete: bool = True) -> Path:
    path = run.checkpoints / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "optimizer.pt").write_bytes(b"state")
    if complete:
        mark_complete(run.checkpoints, step)
    return path


@pytest.fixture
def order(make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path) -> Order:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}\n")
    return Order(
        spec=make_spec(), training_path=training.path, training_digest=training.digest, validation_path=str(rows)
    )


def test_an_order_arrives_with_its_files_in_the_places_it_names(parcels: Parcels, order: Order, tmp_path: Path) -> None:
    parcels.send_order(order)
    parcels.send_order(order)
    node = run_in(tmp_path / "node")
    parcels.fetch_order(node)
    arrived = node.order()
    assert arrived is not None
    assert arrived.spec == order.spec
    assert Path(str(arrived.validation_path)).read_text() == "{}\n"
    assert sorted(p.name for p in Path(arrived.training_path).iterdir()) == sorted(
        p.name for p in Path(order.training_path).iterdir()
    )


def test_the_released_model_that_a_run_goes_on_from_travels_along(
    parcels: Parcels, order: Order, tmp_path: Path
) -> None:
    model = run_in(tmp_path / "released").root
    (model / "adapter_config.json").write_text("{}")
    parent = ParentModel(name="ft:x", path=str(model), digest="sha256:x")
    parcels.send_order(replace(order, spec=replace(order.spec, parent=parent)))
    node = run_in(tmp_path / "node")
    parcels.fetch_order(node)
    arrived = node.order()
    assert arrived is not None
    assert arrived.spec.parent == replace(parent, path=str(node.root / "parent"))
    assert (node.root / "parent" / "adapter_config.json").read_text() == "{}"


def test_only_complete_checkpoints_of_the_newest_attempt_that_has_one_are_gone_on_from(
    parcels: Parcels, tmp_path: Path
) -> None:
    first, second = run_in(tmp_path / "first"), run_in(tmp_path / "second")
    checkpoint(first, 5)
    parcels.send_progress(first, attempt=1)
    checkpoint(second, 10)
    (second.root / "metrics.jsonl").write_text("of the second\n")
    second.write("base_validation.json", {"n": 3})
    parcels.send_progress(second, attempt=2)
    checkpoint(second, 15, complete=False)
    parcels.send_progress(second, attempt=2)
    parcels.send_progress(run_in(tmp_path / "idle"), attempt=3)
    fourth = run_in(tmp_path / "fourth")
    parcels.fetch_progress(fourth, before=4)
    assert [path.name for path in fourth.checkpoints.iterdir()] == ["checkpoint-10"]
    assert fourth.metrics_file.read_text() == "of the second\n"
    assert fourth.base_validation() == {"n": 3}


def test_memory_that_ran_out_beside_the_first_process_is_known_to_the_next_attempt(
    parcels: Parcels, tmp_path: Path
) -> None:
    first, beside, third, later = (run_in(tmp_path / name) for name in ("first", "beside", "third", "later"))
    checkpoint(first, 5)
    for run in (first, beside, third):
        run.write_micro_batch(8)
    assert beside.shrink() == 4
    for process, run in enumerate((beside, third), 1):
        parcels.send_trouble(run, attempt=1, process=process)
    parcels.send_progress(first, attempt=1)  # the last word is the first process's
    parcels.fetch_progress(later, before=2)
    assert later.micro_batch() == (4, True)
    assert [path.name for path in later.checkpoints.iterdir()] == ["checkpoint-5"]


def test_why_a_process_beside_the_first_failed_is_not_written_over(parcels: Parcels, tmp_path: Path) -> None:
    first, beside, gateway = (run_in(tmp_path / name) for name in ("first", "beside", "gateway"))
    for run, code in ((beside, "out_of_memory"), (first, "process_lost")):
        run.write_failure(RunFailure(code=code, message="m"))
    parcels.send_trouble(beside, attempt=1, process=1)
    parcels.send_progress(first, attempt=1)
    parcels.fetch_end(gateway, attempt=1)
    assert gateway.failure() == RunFailure(code="out_of_memory", message="m")


def test_a_checkpoint_that_was_pruned_is_pruned_in_the_store(parcels: Parcels, tmp_path: Path) -> None:
    node, late = run_in(tmp_path / "node"), run_in(tmp_path / "late")
    gone = checkpoint(node, 5)
    parcels.send_progress(node, attempt=1)
    for path in (*gone.iterdir(), gone):
        path.rmdir() if path.is_dir() else path.unlink()
    checkpoint(node, 6)
    parcels.send_progress(node, attempt=1)
    parcels.fetch_progress(late, before=2)
    assert [path.name for path in late.checkpoints.iterdir()] == ["checkpoint-6"]


def test_a_model_arrives_before_the_word_that_it_is_there(
    parcels: Parcels, order: Order, training: TrainingSet, tmp_path: Path
) -> None:
    node, gateway = run_in(tmp_path / "node"), run_in(tmp_path / "gateway")
    node.artefact.mkdir()
    (node.artefact / "adapter_config.json").write_text("{}")
    digest = seal(node.artefact, order.spec, training.digest, trained_tokens=1, n_steps=1)
    parcels.send_progress(node, attempt=1)
    parcels.fetch_end(gateway, attempt=1)
    assert not gateway.finished
    assert not gateway.artefact.exists()
    node.write_result(digest)
    parcels.send_progress(node, attempt=1)
    parcels.fetch_end(gateway, attempt=2)
    assert not gateway.finished
    parcels.fetch_end(gateway, attempt=1)
    assert gateway.sealed_digest() == digest
    assert (gateway.artefact / "adapter_config.json").read_text() == "{}"
