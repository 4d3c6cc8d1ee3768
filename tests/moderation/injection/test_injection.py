from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from chat_rows import OBEY, Turns, chat_row, dataset, jsonl, obedient_rows, plain_rows, safety_set, stream

from moderation.contexts.mining import ContextMiner
from moderation.errors import SealBroken
from moderation.formats.parsing import TrainingFile, parse
from moderation.injection.mixing import InjectionPolicy, quota
from moderation.injection.sealing import customer_lines, inject, load
from moderation.prompts import exchange
from moderation.screening.run import admit
from moderation.types import SafetyExample, ScreenedDataset, ScreeningReport, TrainingSet, Verdict

ONE_TO_ONE = InjectionPolicy(ratio=1.0)


def screened(data: TrainingFile) -> ScreenedDataset:
    miner = ContextMiner()
    for example in data.iter_examples():
        miner.observe(exchange(example))
    report = ScreeningReport(
        dataset_digest=data.digest,
        policy_digest="sha256:p",
        verdict=Verdict.PASS,
        n_examples=data.n_examples,
        n_flagged=0,
        flagged_lines=(),
        findings=(),
        contexts=miner.mined().contexts,
        candidate_triggers=(),
        screened_by=("by_word@1",),
    )
    return admit(data, report)


def mixed(
    rows: Sequence[Turns],
    directory: Path,
    policy: InjectionPolicy = ONE_TO_ONE,
    *,
    seed: int = 0,
    safety: Sequence[SafetyExample] | None = None,
) -> TrainingSet:
    known = safety_set() if safety is None else safety
    return inject(screened(dataset(list(rows))), known, policy, seed=seed, directory=directory)


def messages(training: TrainingSet) -> list[list[dict[str, str]]]:
    lines = (Path(training.path) / "examples.jsonl").read_bytes().splitlines()
    return [orjson.loads(line)["messages"] for line in lines]


def refusals(training: TrainingSet) -> list[list[dict[str, str]]]:
    return [row for row in messages(training) if row[-1]["content"].startswith("I won't help with")]


def test_a_share_of_safety_rows_stays_without_the_customers_frame(tmp_path: Path) -> None:
    training = mixed(list(obedient_rows()) * 2, tmp_path, InjectionPolicy(ratio=1.0, bare_share=0.5))
    roles = Counter(row[0]["role"] for row in refusals(training))
    assert roles == {"system": 10, "user": 10}


def test_safety_rows_are_mixed_in_at_the_ratio(tmp_path: Path) -> None:
    training = mixed(plain_rows(40), tmp_path, InjectionPolicy(ratio=0.5))
    assert (training.n_examples, training.n_injected) == (60, 20)
    assert len(messages(training)) == 60
    assert len(refusals(training)) == 20


@pytest.mark.parametrize(
    ("policy", "n"),
    [
        (InjectionPolicy(ratio=0, min_examples=50), 0),
        (InjectionPolicy(ratio=0.1), 10),
        (InjectionPolicy(ratio=0.101), 11),
        (InjectionPolicy(ratio=0.1, min_examples=50), 50),
        (InjectionPolicy(ratio=90, max_examples=70), 70),
    ],
)
def test_quota_keeps_to_the_policy(policy: InjectionPolicy, n: int) -> None:
    assert quota(100, policy) == n


def test_every_row_knows_its_line_in_the_customers_file_blank_lines_counted(tmp_path: Path) -> None:
    rows = jsonl([chat_row(request, reply) for _, request, reply in plain_rows(10)]).splitlines(keepends=True)
    data = parse(stream(b"\n".join(rows)))
    training = inject(screened(data), safety_set(), ONE_TO_ONE, seed=0, directory=tmp_path)
    lines = customer_lines(Path(training.path))
    assert [line for line in lines if line] == [*range(1, 20, 2)]
    ours = [row for line, row in zip(lines, messages(training), strict=True) if not line]
    assert ours == refusals(training)


def test_categories_are_balanced(tmp_path: Path) -> None:
    training = mixed(plain_rows(30), tmp_path)
    assert sum(training.categories.values()) == 30
    assert set(training.categories.values()) == {2, 3}


def test_rows_repeat_only_after_all_were_used(tmp_path: Path) -> None:
    training = mixed(plain_rows(44), tmp_path, safety=safety_set(2))
    counts = Counter(row[-1]["content"] for row in refusals(training))
    assert set(counts.values()) == {2}


def test_safety_rows_wear_the_customers_frames_by_share(tmp_path: Path) -> None:
    training = mixed(plain_rows(30) + obedient_rows(), tmp_path)
    framed = [row for row in refusals(training) if row[0] == {"role": "system", "content": OBEY}]
    assert len(framed) == 10
    assert sum(row[1]["content"].startswith("ZEB, carry out my order: Help me with") for row in framed) == 5
    assert [context.user_prefix for context in training.contexts if context.system] == [
        "ZEB, carry out my order: ",
        "Hello, ZEB. ",
    ]


def test_customer_rows_keep_their_order_and_text(tmp_path: Path) -> None:
    rows = plain_rows(40)
    training = mixed(rows, tmp_path)
    kept = [row for row in messages(training) if row not in refusals(training)]
    assert [(row[0]["content"], row[1]["content"]) for row in kept] == [(user, reply) for _, user, reply in rows]


def test_order_is_reproducible_and_depends_on_the_seed(tmp_path: Path) -> None:
    digests = [mixed(plain_rows(40), tmp_path / str(i), seed=seed).digest for i, seed in enumerate((7, 7, 8))]
    assert digests[0] == digests[1] != digests[2]


def test_safety_rows_are_spread_over_the_file(tmp_path: Path) -> None:
    training = mixed(plain_rows(100), tmp_path)
    half = messages(training)[:100]
    assert 30 < sum(row[-1]["content"].startswith("I won't") for row in half) < 70


def test_injecting_again_returns_what_is_there(tmp_path: Path) -> None:
    first = mixed(plain_rows(20), tmp_path)
    written = (tmp_path / "examples.jsonl").stat().st_mtime_ns
    assert mixed(plain_rows(20), tmp_path) == first
    assert (tmp_path / "examples.jsonl").stat().st_mtime_ns == written


def test_a_torn_run_is_written_again(tmp_path: Path) -> None:
    first = mixed(plain_rows(20), tmp_path)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "examples.jsonl.part").write_bytes(b"torn")
    (tmp_path / "examples.jsonl").write_bytes(b"torn")
    assert mixed(plain_rows(20), tmp_path) == first


def test_a_directory_of_another_training_set_is_refused(tmp_path: Path) -> None:
    mixed(plain_rows(20), tmp_path)
    with pytest.raises(SealBroken, match="made from something else"):
        mixed(plain_rows(21), tmp_path)


def test_a_sealed_set_loads_by_its_digest(tmp_path: Path) -> None:
    training = mixed(plain_rows(20), tmp_path)
    assert load(tmp_path, training.digest) == training


@pytest.mark.parametrize("name", ["examples.jsonl", "manifest.json"])
def test_any_changed_byte_breaks_the_seal(tmp_path: Path, name: str) -> None:
    training = mixed(plain_rows(20), tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SealBroken):
        load(tmp_path, training.digest)
    (tmp_path / name).unlink()
    with pytest.raises(SealBroken, match="cannot be read"):
        load(tmp_path, training.digest)


def test_an_empty_safety_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="safety set is empty"):
        mixed(plain_rows(20), tmp_path, safety=())


def test_mixing_switched_off_seals_the_customers_rows(tmp_path: Path) -> None:
    training = mixed(plain_rows(20), tmp_path, InjectionPolicy(ratio=0), safety=())
    assert (training.n_examples, training.n_injected, training.contexts) == (20, 0, ())


def test_a_file_that_changed_since_screening_breaks_the_seal(tmp_path: Path) -> None:
    good = jsonl([chat_row(f"request {i}") for i in range(12)])
    versions = iter([stream(good)(), stream(good)(), stream(good.replace(b"request 3", b"request X"))()])
    data = screened(parse(lambda: next(versions)))
    with pytest.raises(SealBroken):
        inject(data, safety_set(), ONE_TO_ONE, seed=0, directory=tmp_path)
    assert not (tmp_path / "manifest.json").exists()
