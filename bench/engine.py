"""How fast the engine answers an arm of an audit, against two loops anybody would write."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from bench.measure import Measure, machine
from deploy.engine.process import EngineMode, EngineProcess
from deploy.types import TrustedBase
from moderation.chat import Sampling, Turn
from moderation.types import Role
from trainers.artefacts import digest_model
from trainers.miniature.location import corpus_path, weights_dir

N = 330
N_ONE_BY_ONE = 33
"""One-by-one calls are measured on every tenth request and scaled."""
BATCH = 66
ROUNDS = 3


def measures() -> Sequence[Measure]:
    """Requests a second over the engine's socket, beside both rivals in the same run on one thread."""
    torch.set_num_threads(1)
    corpus = json.loads(corpus_path().read_text())
    requests = [entry["text"] for entry in corpus["harmful"][:N]]
    max_tokens = int(corpus["max_reply_tokens"])
    path = weights_dir()
    base = TrustedBase(name="miniature", path=str(path), digest=digest_model(path))
    plain = Plain(path, max_tokens)
    with tempfile.TemporaryDirectory() as directory:
        engine = EngineProcess.start(base, EngineMode.AUDIT, log=Path(directory) / "engine.log")
        try:
            model = engine.chat("miniature")
            asked = [(Turn(role=Role.USER, text=text),) for text in requests]
            sampling = Sampling(max_tokens=max_tokens)
            ways: dict[str, tuple[int, Callable[[], object]]] = {
                "engine": (N, lambda: model.complete(asked, sampling)),
                "static": (N, lambda: plain.in_batches(requests, BATCH)),
                "single": (N_ONE_BY_ONE, lambda: plain.in_batches(requests[:: N // N_ONE_BY_ONE], 1)),
            }
            rates = _alternate(ways)
        finally:
            engine.stop()
    return [
        _measure(rates["engine"], rates["single"], f"generate one by one ({N_ONE_BY_ONE} of them, scaled)", 10.0),
        _measure(rates["engine"], rates["static"], f"generate in static batches of {BATCH}", 0.7),
    ]


class Plain:
    """transformers' own `generate`, greedy, on left-padded prompts."""

    def __init__(self, path: Path, max_tokens: int) -> None:
        self._model: Any = AutoModelForCausalLM.from_pretrained(path).eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(path, padding_side="left")
        self._max_tokens = max_tokens

    def in_batches(self, requests: Sequence[str], size: int) -> list[str]:
        """Replies in order, `size` at a time."""
        replies: list[str] = []
        for start in range(0, len(requests), size):
            prompts = [
                self._tokenizer.apply_chat_template(
                    [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
                )
                for text in requests[start : start + size]
            ]
            inputs = self._tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
            ids, mask = inputs["input_ids"], inputs["attention_mask"]
            made = self._model.generate(ids, attention_mask=mask, max_new_tokens=self._max_tokens, do_sample=False)
            replies += self._tokenizer.batch_decode(made[:, ids.shape[1] :], skip_special_tokens=True)
        return replies


def _alternate(ways: dict[str, tuple[int, Callable[[], object]]]) -> dict[str, float]:
    """Median requests a second of each way; they take turns, so a busy moment hits all alike."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for attempt in range(ROUNDS + 1):
        for name, (n, work) in ways.items():
            started = time.perf_counter()
            work()
            if attempt:  # the first turn only warms up
                rates[name].append(n / (time.perf_counter() - started))
    return {name: statistics.median(found) for name, found in rates.items()}


def _measure(rate: float, rival_rate: float, rival: str, goal: float) -> Measure:
    ratio = rate / rival_rate
    return Measure(
        name=f"engine, an arm of {N} requests",
        value=rate,
        unit="requests/s",
        rival=f"{rival}: {rival_rate:.3g} requests/s",
        ratio=ratio,
        goal=f">= {goal:g}",
        met=ratio >= goal,
        machine=machine(),
    )
