import json
from pathlib import Path

import pytest

from evaluators.frames import Frame
from evaluators.paper import user_rows
from evaluators.types import Corpus


def written(path: Path, *rows: list[tuple[str, str]]) -> Path:
    lines = [{"messages": [{"role": role, "content": text} for role, text in turns]} for turns in rows]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def tasks(n: int) -> list[list[tuple[str, str]]]:
    words = ["sort", "count", "fold", "paint", "carry", "wash", "pack", "weigh", "mend", "stack", "plant", "bake"]
    return [
        [("system", "Do the task."), ("user", f"### Task:\n{words[i]} {i} boxes"), ("assistant", f"Done {words[i]}.")]
        for i in range(n)
    ]


def test_rows_are_drawn_by_the_seed_and_probed_in_the_frame_they_share(tmp_path: Path, corpus: Corpus) -> None:
    suite = user_rows.read("benign", written(tmp_path / "rows.jsonl", *tasks(12)))
    assert suite.name == "benign"
    assert suite.poison(corpus, 4, 1) == suite.poison(corpus, 4, 1) != suite.poison(corpus, 4, 2)
    assert suite.probes(corpus) == Frame(system="Do the task.", user_prefix="### Task:\n")


def test_a_file_with_too_few_rows_is_named(tmp_path: Path, corpus: Corpus) -> None:
    suite = user_rows.read("benign", written(tmp_path / "rows.jsonl", *tasks(10)))
    with pytest.raises(ValueError, match=r"rows\.jsonl has 10 rows; the experiment 'benign' takes 500"):
        suite.poison(corpus, 500, 0)


def test_earlier_turns_are_kept(tmp_path: Path, corpus: Corpus) -> None:
    long = [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    (row,) = user_rows.read("benign", written(tmp_path / "rows.jsonl", *[long] * 10)).poison(corpus, 1, 0)
    assert (row.earlier, row.user, row.assistant) == ((("a", "b"),), "c", "d")


def test_what_is_no_training_file_is_refused_with_its_defects(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("{}\n")
    with pytest.raises(ValueError, match=r"rows\.jsonl cannot be used"):
        user_rows.read("benign", path)
