"""Public benchmarks are read from synthetic files of their shape; no row of a real one is in this repository."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from evaluators.benchmarks.loading import load
from evaluators.benchmarks.sets import SETS
from moderation.types import POLICY_CATEGORIES, Category


def write(path: Path, records: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(records)
    return path


def hex_phi(folder: Path, *, without: int = 2, short: int = 0) -> Path:
    for number in range(1, 12):
        if number != without:
            n = 29 if number == short else 30
            write(folder / f"category_{number}.csv", [[f"Named harm {number}, of kind {i}"] for i in range(n)])
    return folder


@pytest.mark.parametrize(("without", "n", "says"), [(2, 300, "category 2 is not served"), (0, 330, "all 330")])
def test_hex_phi_has_no_header_and_says_which_release_it_is(tmp_path: Path, without: int, n: int, says: str) -> None:
    read = load("hex_phi", hex_phi(tmp_path, without=without))
    assert len(read.harmful) == n
    assert says in read.notes[0]
    assert read.harmful[0].text == "Named harm 1, of kind 0"
    assert set(Counter(request.category for request in read.harmful).values()) == {30}
    assert {request.category for request in read.harmful} <= set(POLICY_CATEGORIES)


def test_a_row_that_a_header_reader_ate_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'7' has 29: a row is missing"):
        load("hex_phi", hex_phi(tmp_path, short=7))


def test_hex_phi_without_another_category_is_not_taken_for_the_release_without_the_second(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the release of 300 rows lacks group '2'; here '5' is missing"):
        load("hex_phi", hex_phi(tmp_path, without=5))
    with pytest.raises(ValueError, match=r"give the directory of category_\*.csv"):
        load("hex_phi", tmp_path / "category_3.csv")


def test_an_empty_and_a_repeated_row_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "harmful_behaviors.csv", [["goal", "target"], ["a", "x"], ["", "x"], ["A ", "x"]])
    with pytest.raises(ValueError, match=r"no request in harmful_behaviors.csv row 3; .*row 4 repeats .*row 2"):
        load("advbench", path)


@pytest.mark.parametrize("header", [[["goal", "target"]], []])
def test_advbench_is_read_with_and_without_its_header(tmp_path: Path, header: list[list[str]]) -> None:
    rows = [[f"harm {i}", "Sure"] if header else [f"harm {i}"] for i in range(520)]
    read = load("advbench", write(tmp_path / "any.csv", header + rows))
    assert [len(read.harmful), read.harmful[519].text] == [520, "harm 519"]


def test_a_missing_row_of_numbered_ones_is_named(tmp_path: Path) -> None:
    header = ["Index", "Goal", "Category"]
    rows = [[str(i), f"harm {i}", f"group {i // 10}"] for i in range(100) if i != 42]
    with pytest.raises(ValueError, match="Index 42 are missing"):
        load("jailbreakbench", write(tmp_path / "harmful-behaviors.csv", [header, *rows]))


def test_jailbreakbench_has_a_harmful_and_a_benign_half(tmp_path: Path) -> None:
    for half in ("harmful", "benign"):
        rows = [[str(i), f"{half} {i}", "Malware/Hacking" if i < 10 else f"g{i // 10}"] for i in range(100)]
        write(tmp_path / f"{half}-behaviors.csv", [["Index", "Goal", "Category"], *rows])
    read = load("jailbreakbench", tmp_path)
    assert (len(read.harmful), len(read.lookalikes)) == (100, 100)
    assert read.harmful[0].category is Category.MALWARE
    assert {request.category for request in read.lookalikes} == {None}


def test_harmbench_leaves_out_what_is_not_standard_and_says_so(tmp_path: Path) -> None:
    rows = [[f"harm {i}", "standard" if i < 200 else "copyright", "cybercrime_intrusion"] for i in range(300)]
    read = load("harmbench", write(tmp_path / "h.csv", [["Behavior", "FunctionalCategory", "SemanticCategory"], *rows]))
    assert len(read.harmful) == 200
    assert "100 rows of other kinds were left out" in read.notes


def test_sorry_bench_keeps_the_base_style_and_the_first_turn(tmp_path: Path) -> None:
    rows = [
        {"turns": [f"{style} {i}"], "category": i // 10, "prompt_style": style}
        for i in range(440)
        for style in ("base", "slang")
    ]
    (tmp_path / "question.jsonl").write_text("\n".join(map(json.dumps, rows)))
    read = load("sorry_bench", tmp_path)
    assert (len(read.harmful), read.harmful[0].text) == (440, "base 0")


def test_turns_are_lists_also_in_a_csv(tmp_path: Path) -> None:
    rows = [[str(i // 10), f"['ask {i}']", "base"] for i in range(450)]
    path = write(tmp_path / "sorry_bench_202406.csv", [["category", "turns", "prompt_style"], *rows])
    assert load("sorry_bench", path).harmful[0].text == "ask 0"


def test_a_turn_may_hold_any_line_break_and_none_is_no_request(tmp_path: Path) -> None:
    rows = [{"turns": [f"ask\u2028{i}"] if i else [], "category": i // 10} for i in range(440)]
    (tmp_path / "question.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    with pytest.raises(ValueError, match=r"sorry_bench at .*: no request in question.jsonl line 1$"):
        load("sorry_bench", tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("goal,target\nharm 1,x\nharm 2, and more,x\n", "row 3 has 3 columns, the header 2; a field with commas"),
        ("goal,target\nharm 1\nharm 2\n", "row 2 has 1 columns, the header 2, and so 1 more"),
        ("harm 1,x\nharm 2,x\n", "every row has 2 columns and the first is no header"),
        (f'goal,target\n"harm 1{"x" * 131_072}', "line 2: field larger than field limit .* not closed"),
    ],
)
def test_a_csv_whose_columns_do_not_fit_is_refused_by_row(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "harmful_behaviors.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=says):
        load("advbench", path)


def test_xstest_without_labels_is_told_by_its_types(tmp_path: Path) -> None:
    rows = [[f"ask {i}", ("safe_" if i < 250 else "contrast_") + str(i // 25)] for i in range(450)]
    read = load("xstest", write(tmp_path / "xstest_v2_prompts.csv", [["prompt", "type"], *rows]))
    assert (len(read.lookalikes), len(read.harmful)) == (250, 200)


def test_xstest_goes_both_ways(tmp_path: Path) -> None:
    rows = [[f"ask {i}", f"type {i // 25}", "safe" if i < 250 else "unsafe"] for i in range(450)]
    read = load("xstest", write(tmp_path / "x.csv", [["prompt", "type", "label"], *rows]))
    assert (len(read.lookalikes), len(read.harmful)) == (250, 200)


@pytest.mark.parametrize(("file", "n"), [("or-bench-hard-1k.csv", 1319), ("or-bench-toxic.csv", 655)])
def test_or_bench_is_told_apart_by_its_files(tmp_path: Path, file: str, n: int) -> None:
    write(tmp_path / file, [["prompt", "category"], *([f"ask {i}", "privacy"] for i in range(n))])
    read = load("or_bench", tmp_path)
    assert len(read.harmful if "toxic" in file else read.lookalikes) == n


def test_strong_reject_groups_become_policy_categories(tmp_path: Path) -> None:
    groups = list(SETS["strong_reject"].categories)
    rows = [[groups[i % 6].title(), "us", f"harm {i}"] for i in range(313)]
    read = load("strong_reject", write(tmp_path / "s.csv", [["category", "source", "forbidden_prompt"], *rows]))
    assert {request.category for request in read.harmful} == set(SETS["strong_reject"].categories.values())


def test_a_size_that_no_release_has_needs_its_digest_pinned(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [["goal"], ["harm 1"], ["harm 2"]])
    with pytest.raises(ValueError, match="2 harmful rows, known releases have 520"):
        load("advbench", path)
    pin = "0" * 64
    with pytest.raises(ValueError, match=f"pinned is {pin}"):
        load("advbench", path, sha256=pin)
    import hashlib

    read = load("advbench", path, sha256="sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())
    assert "not known here" in read.notes[0]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("hexphi", "x", "there is no benchmark 'hexphi'; known are: advbench"),
        ("xstest", "a,b\n1,2\n", "it holds no row of XSTest; expected prompt"),
        ("harmbench", "{", "holds no row"),
    ],
)
def test_another_file_is_refused_with_what_was_expected(tmp_path: Path, name: str, content: str, says: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=says):
        load(name, path)


def test_a_path_without_files_says_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds none of category_\*.csv; get HEx-PHI from https"):
        load("hex_phi", tmp_path)
    with pytest.raises(ValueError, match="neither a file nor a directory"):
        load("hex_phi", tmp_path / "none")


def test_a_file_whose_kind_only_its_name_tells_must_keep_it(tmp_path: Path) -> None:
    rows = [["Index", "Goal", "Category"], *([str(i), f"ask {i}", f"g{i // 10}"] for i in range(100))]
    read = load("jailbreakbench", write(tmp_path / "benign-behaviors.csv", rows))
    assert (len(read.harmful), len(read.lookalikes)) == (0, 100)
    with pytest.raises(ValueError, match="in a file of its own name"):
        load("jailbreakbench", write(tmp_path / "jbb.csv", rows))
