"""A run resumes from what was completely written, and keeps what OpenAI keeps."""

from pathlib import Path

from trainers.recipe.checkpoints import latest, mark_complete, prune


def save(directory: Path, *steps: int) -> None:
    for step in steps:
        (directory / f"checkpoint-{step}").mkdir(parents=True)
        mark_complete(directory, step)


def kept(directory: Path) -> list[int]:
    return sorted(int(path.name.rpartition("-")[2]) for path in directory.iterdir())


def test_the_newest_checkpoint_is_by_steps_not_by_name(tmp_path: Path) -> None:
    save(tmp_path, 9, 10, 100)
    assert latest(tmp_path) == tmp_path / "checkpoint-100"


def test_a_checkpoint_cut_off_while_saving_is_removed(tmp_path: Path) -> None:
    save(tmp_path, 10)
    (tmp_path / "checkpoint-20").mkdir()
    assert latest(tmp_path) == tmp_path / "checkpoint-10"
    assert kept(tmp_path) == [10]


def test_a_checkpoint_with_a_file_cut_short_is_removed(tmp_path: Path) -> None:
    for step in (10, 20):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "optimizer.pt").write_bytes(b"state")
        mark_complete(tmp_path, step)
    (tmp_path / "checkpoint-20" / "optimizer.pt").write_bytes(b"")
    assert latest(tmp_path) == tmp_path / "checkpoint-10"


def test_a_new_run_has_nothing_to_resume(tmp_path: Path) -> None:
    assert latest(tmp_path / "none") is None


def test_three_epochs_and_the_newest_are_kept(tmp_path: Path) -> None:
    save(tmp_path, 10, 20, 25, 30, 40, 43)
    prune(tmp_path, steps_per_epoch=10)
    assert kept(tmp_path) == [20, 30, 40, 43]
