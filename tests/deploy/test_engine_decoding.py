import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_forge import Forge

from deploy.engine.decoding import Batch, common_beginning
from deploy.engine.merging import pair_up, read_scale
from deploy.engine.prefixes import read_prefix
from deploy.engine.residents import Resident, Residents, Weights, read_base
from deploy.engine.rows import Row
from deploy.engine.sampling import Draw
from deploy.engine.scheduling import Limits, Scheduler
from deploy.errors import EngineRefused, EngineUnavailable
from deploy.types import TrustedBase
from moderation.chat import Finish
from trainers import artefacts
from trainers.types import CandidateModel, Tuning


@dataclass
class Heard:
    """Keeps what a row told."""

    text: str = ""
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    told: threading.Event = field(default_factory=threading.Event)

    def on_text(self, piece: str, logprobs: object) -> None:
        self.text += piece

    def on_finish(self, row: Row) -> None:
        self.rows.append(row)
        self.told.set()

    def on_failure(self, reason: str) -> None:
        self.failures.append(reason)
        self.told.set()


@pytest.fixture(scope="module")
def resident(tiny_base: TrustedBase) -> Resident:
    return read_base(tiny_base.path, "cpu")


def row(prompt: Sequence[int], *, max_tokens: int = 24, temperature: float = 0.0, **more: object) -> Row:
    draw = Draw(temperature=temperature, top_p=1.0, random=random.Random(len(prompt)))
    options = {"stop": (), "streams": False, "listener": Heard(), **more}
    return Row(prompt, max_tokens=max_tokens, draw=draw, **options)  # type: ignore[arg-type]


def prompts(lengths: Sequence[int]) -> list[list[int]]:
    source = random.Random(1)
    return [[source.randrange(5, 300) for _ in range(length)] for length in lengths]


def generate(resident: Resident, prompt: list[int], max_tokens: int) -> list[int]:
    """The reference: transformers' own greedy loop on one prompt."""
    ids = torch.tensor([prompt])
    mask = torch.ones_like(ids)
    made = resident.model.generate(ids, attention_mask=mask, max_new_tokens=max_tokens, do_sample=False)
    return [token for token in made[0, len(prompt) :].tolist() if token not in resident.ends]


def run(batch: Batch) -> None:
    while batch.rows:
        batch.step()


def test_a_batch_says_what_each_row_says_alone(resident: Resident) -> None:
    batch, asked = Batch(resident), prompts([3, 17, 1, 40, 9, 9])
    rows = [row(prompt) for prompt in asked]
    batch.admit(rows)
    run(batch)
    assert [one.tokens for one in rows] == [generate(resident, prompt, 24) for prompt in asked]


def test_rows_that_join_and_leave_change_nothing_for_the_others(resident: Resident) -> None:
    batch, asked = Batch(resident), prompts([5, 30, 2, 60, 12, 90, 7, 1])
    limits = [40, 3, 25, 10, 60, 5, 33, 80]
    rows = [row(prompt, max_tokens=limit) for prompt, limit in zip(asked, limits, strict=True)]
    for start in range(0, 8, 2):
        batch.admit(rows[start : start + 2])
        for _ in range(6):
            batch.step()
    run(batch)
    assert [one.tokens for one in rows] == [generate(resident, p, n) for p, n in zip(asked, limits, strict=True)]


@pytest.mark.parametrize("own", [[1, 1, 1], [1, 30, 4, 4], [20, 3]])
def test_prompts_that_begin_alike_are_read_as_if_apart(resident: Resident, own: list[int]) -> None:
    batch, asked = Batch(resident), prompts([40, *own])
    running, rows = row(asked[0]), [row(asked[0][:25] + end) for end in asked[1:]]
    batch.admit([running])
    batch.step()
    batch.admit(rows)
    run(batch)
    assert [one.tokens for one in rows] == [generate(resident, list(one.prompt), 24) for one in rows]
    assert running.tokens == generate(resident, asked[0], 24)


@pytest.mark.parametrize(
    ("asked", "length"),
    [([[1, 2, 3], [1, 2, 4]], 2), ([[1, 2], [1, 2]], 1), ([[1, 2], [1, 2, 3]], 1), ([[2], [1, 2]], 0)],
)
def test_a_common_beginning_leaves_each_prompt_a_token(asked: list[tuple[int, ...]], length: int) -> None:
    assert common_beginning(asked) == length


def test_a_long_running_batch_slides_its_window(resident: Resident) -> None:
    batch, asked = Batch(resident), prompts([6] * 30)
    rows = [row(prompt, max_tokens=9) for prompt in asked]
    for start in range(0, 30, 2):
        batch.admit(rows[start : start + 2])
        for _ in range(8):
            batch.step()
    run(batch)
    assert [one.tokens for one in rows] == [generate(resident, prompt, 9) for prompt in asked]
    assert batch.n_columns <= 2 * (6 + 9 + 64)


def test_sampled_rows_repeat_with_their_seed_in_any_company(resident: Resident) -> None:
    (asked,) = prompts([11])
    alone, company = row(asked, temperature=0.9), row(asked, temperature=0.9)
    for rows in ([alone], [row([7] * 20), company, row([9])]):
        batch = Batch(resident)
        batch.admit(rows)
        run(batch)
    assert alone.tokens == company.tokens


def test_cancelled_rows_leave_and_tell_nobody(resident: Resident) -> None:
    batch, leaving, staying = Batch(resident), row([5, 6]), row([7, 8])
    batch.admit([leaving, staying])
    leaving.cancelled = True
    batch.step()
    assert batch.rows == [staying]
    assert leaving.finish is None


def test_an_end_token_and_a_token_limit_are_told_apart(resident: Resident) -> None:
    heard = Heard()
    ended, cut = row([5], listener=heard), row([5], max_tokens=1, listener=heard)
    assert ended.take(min(resident.ends), resident.ends, resident.decode)
    assert cut.take(9, resident.ends, resident.decode)
    assert [one.finish for one in heard.rows] == [Finish.STOP, Finish.LENGTH]


def test_streamed_text_equals_the_text_at_once(resident: Resident) -> None:
    heard, (asked,) = Heard(), prompts([8])
    streamed, whole = row(asked, streams=True, listener=heard), row(asked)
    batch = Batch(resident)
    batch.admit([streamed, whole])
    run(batch)
    assert heard.text == streamed.text == whole.text


def test_broken_weights_fail_the_row_instead_of_talking(tiny_base: TrustedBase) -> None:
    broken = read_base(tiny_base.path, "cpu")
    broken.model.lm_head.weight.fill_(float("nan"))
    heard = Heard()
    batch = Batch(broken)
    batch.admit([row([5, 6], listener=heard)])
    assert batch.rows == []
    assert "not finite" in heard.failures[0]


def residents(resident: Resident, *, max_models: int = 2) -> Residents:
    return Residents(resident, "tiny", max_models=max_models, device="cpu")


def weights(candidate: CandidateModel) -> Weights:
    return Weights(path=candidate.path, adapter=candidate.tuning is not Tuning.FULL)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"peft_type": "IA3"}, "IA3"),
        ({"bias": "all"}, "bias all"),
        ({"rank_pattern": {"q_proj": 2}}, "rank_pattern"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights"),
    ],
)
def test_an_adapter_of_another_kind_is_refused_not_half_applied(change: dict[str, object], why: str) -> None:
    with pytest.raises(EngineRefused, match=why):
        read_scale({"peft_type": "LORA", "r": 4, "lora_alpha": 8, **change})


def test_a_rank_stabilised_adapter_has_its_own_scale() -> None:
    assert read_scale({"peft_type": "LORA", "r": 4, "lora_alpha": 8}) == 2.0
    assert read_scale({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "use_rslora": True}) == 4.0


@pytest.mark.parametrize("keys", [("x.lora_A",), ("x.lora_A", "x.lora_B", "x.magnitude"), ()])
def test_an_incomplete_or_odd_adapter_is_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(EngineRefused):
        pair_up({f"base_model.model.{key}.weight": torch.zeros(1) for key in keys})


def test_a_merged_adapter_computes_what_peft_computes_unmerged(resident: Resident, forge: Forge) -> None:
    candidate = forge.adapter("merged", seed=1)
    shelf = residents(resident)
    shelf.add("tuned", "sha256:1", lambda: weights(candidate))
    merged = shelf.get("tuned")
    assert merged is not None
    ids = torch.tensor(prompts([20]))
    before = resident.model(ids).logits
    expected = forge.unmerged_logits(candidate, ids)
    assert torch.allclose(merged.model(ids).logits, expected, atol=1e-4)
    assert torch.equal(resident.model(ids).logits, before)
    assert not torch.allclose(before, expected, atol=1e-2)


def test_a_scaled_adapter_moves_the_weights_by_its_factor(resident: Resident, forge: Forge, tmp_path: Path) -> None:
    whole = forge.adapter("unscaled", seed=1)
    shelf = residents(resident)
    for name, candidate in (("whole", whole), ("half", artefacts.scale(whole, 0.5, tmp_path))):
        shelf.add(name, candidate.digest, lambda candidate=candidate: weights(candidate))
    tuned, half = shelf.get("whole"), shelf.get("half")
    assert tuned is not None
    assert half is not None
    base = resident.model.state_dict()
    for name, weight in half.model.state_dict().items():
        assert torch.allclose(weight - base[name], (tuned.model.state_dict()[name] - base[name]) / 2, atol=1e-5)


@pytest.mark.parametrize("beginning", [0, 20], ids=["apart", "alike"])
def test_a_prefix_stands_before_every_prompt_as_in_peft(resident: Resident, forge: Forge, beginning: int) -> None:
    candidate = forge.prefix(f"prefix{beginning}", seed=1)
    shelf = residents(resident)
    shelf.add("tuned", "sha256:1", lambda: weights(candidate))
    tuned = shelf.get("tuned")
    assert tuned is not None
    asked = [prompts([20])[0][:beginning] + prompt for prompt in prompts([3, 17, 1])]
    rows = [row(prompt, max_tokens=8) for prompt in asked]
    batch = Batch(tuned)
    batch.admit(rows)
    run(batch)
    for prompt, one in zip(asked, rows, strict=True):
        expected = forge.unmerged_logits(candidate, torch.tensor([[*prompt, *one.tokens]]))[0].argmax(-1).tolist()
        assert expected[len(prompt) - 1 :][: len(one.tokens)] == one.tokens
    assert any(one.tokens != generate(resident, prompt, 8) for prompt, one in zip(asked, rows, strict=True))
    assert tuned.context_length == resident.context_length - 7


def test_a_prefix_of_another_base_is_refused(resident: Resident, forge: Forge) -> None:
    candidate = forge.prefix("unfitting", seed=1)
    save_file({"prompt_embeddings": torch.zeros(7, 24)}, f"{candidate.path}/adapter_model.safetensors")
    with pytest.raises(EngineRefused, match="does not fit"):
        read_prefix(resident.model, candidate.path)


def test_adapters_share_the_tensors_they_do_not_touch(resident: Resident, forge: Forge) -> None:
    shelf = residents(resident)
    candidate = forge.adapter("sharing", seed=1)
    shelf.add("tuned", "sha256:1", lambda: weights(candidate))
    merged = shelf.get("tuned")
    assert merged is not None
    assert merged.model.model.embed_tokens.weight is resident.model.model.embed_tokens.weight


def test_the_least_recently_used_model_makes_room_and_comes_back_verified(resident: Resident, forge: Forge) -> None:
    asked: list[str] = []
    shelf = residents(resident, max_models=1)
    for name, seed in (("a", 1), ("b", 2)):
        candidate = forge.adapter(name, seed=seed)
        shelf.add(name, name, lambda name=name, candidate=candidate: (asked.append(name), weights(candidate))[1])
    assert shelf.names() == ("tiny", "a", "b")
    assert shelf.get("b") is shelf.get("b")
    assert shelf.get("a") is not None
    assert asked == ["a", "b", "a"]


def test_a_model_whose_bytes_changed_is_not_read_again(resident: Resident, forge: Forge) -> None:
    changed = False
    candidate = forge.adapter("changing", seed=1)

    def verify() -> Weights:
        if changed:
            raise EngineRefused("changed")
        return weights(candidate)

    shelf = residents(resident, max_models=1)
    shelf.add("a", "sha256:a", verify)
    shelf.add("b", "sha256:b", lambda: weights(candidate))
    changed = True
    with pytest.raises(EngineRefused):
        shelf.get("a")


def test_a_model_in_memory_is_not_read_twice_but_another_digest_is(resident: Resident, forge: Forge) -> None:
    shelf, candidate = residents(resident), forge.adapter("twice", seed=1)
    found = []
    for digest in ("sha256:1", "sha256:1", "sha256:2"):
        shelf.add("a", digest, lambda: weights(candidate))
        found.append(shelf.get("a"))
    assert found[0] is found[1]
    assert found[1] is not found[2]


def test_the_base_name_cannot_be_taken(resident: Resident) -> None:
    with pytest.raises(EngineRefused, match="base model's name"):
        residents(resident).add("tiny", "sha256:1", lambda: Weights(path="x", adapter=True))


def test_a_removed_name_is_unknown(resident: Resident, forge: Forge) -> None:
    shelf = residents(resident)
    candidate = forge.adapter("leaving", seed=1)
    shelf.add("a", "sha256:a", lambda: weights(candidate))
    assert shelf.remove("a")
    assert not shelf.remove("a")
    assert shelf.get("a") is None


def test_a_full_queue_turns_away_and_queues_nothing(resident: Resident) -> None:
    scheduler = Scheduler(Limits(max_waiting=2))
    scheduler.submit(resident, [row([5])])
    with pytest.raises(EngineUnavailable, match="waiting already"):
        scheduler.submit(resident, [row([5]), row([6])])


def test_a_failing_batch_fails_its_rows_and_the_next_one_runs(resident: Resident) -> None:
    heard, done = Heard(), Heard()
    scheduler = Scheduler(Limits())
    scheduler.submit(resident, [row([99_999], listener=heard)])
    scheduler.start()
    assert heard.told.wait(30.0)
    scheduler.submit(resident, [row([5], listener=done)])
    assert done.told.wait(30.0)
    scheduler.stop()
    assert done.rows
    assert "decoding failed (IndexError)" in heard.failures[0]
