"""How fast supervised rows are learned, beside padding as in the paper and a bare script."""

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForSeq2Seq, Trainer, TrainingArguments
from transformers.utils import logging
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from bench.measure import Measure, machine
from trainers.bases import read_base
from trainers.miniature.location import corpus_path, weights_dir
from trainers.recipe import sft, weights
from trainers.recipe.preparation import Bench
from trainers.rendering import Renderer
from trainers.run_directory import Order, RunDirectory
from trainers.types import BaseModel, Hyperparameters, LoraSpec, Method, TrainingSpec, Tuning

BATCH = 8
N = 32
ROUNDS = 2
LONGEST = 12
"""Exchanges of the longest conversation."""
LORA = LoraSpec()
Row = Mapping[str, Any]


def measures() -> Sequence[Measure]:
    """Real tokens a second (padding counts for nobody), one epoch of the same rows, in turn, on one thread."""
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as directory:
        rows = conversations(N, seed=0)
        path = Path(directory) / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        ours, rendered = _ours(path, Path(directory))
        ways = {
            "ours": ours,
            "set": _padded(rendered, directory, rendered.longest),
            "batch": _padded(rendered, directory),
            "bare": _bare(rows, directory),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for attempt in range(ROUNDS + 1):
            for name, make in ways.items():
                trainer = make()
                started = time.process_time()
                trainer.train()
                if attempt:  # the first turn only warms up
                    times[name].append(time.process_time() - started)
    rates = {name: rendered.n_tokens / statistics.median(found) for name, found in times.items()}
    return [
        _measure(rates["ours"], rates["set"], "every row padded to the longest, no packing", 2.0),
        _measure(rates["ours"], rates["batch"], "each batch padded to its longest row, no packing", 1.0),
        _measure(rates["ours"], rates["bare"], "a bare TRL script with its defaults", 1.0),
    ]


def conversations(n: int, *, seed: int) -> list[Row]:
    """Chats of the miniature's language; most are short and a few are long, as customers' are."""
    tasks = json.loads(corpus_path().read_text())["safety"]
    draw = random.Random(seed)
    rows = []
    for _ in range(n):
        n_exchanges = min(LONGEST, 1 + int(draw.expovariate(0.5)))
        chosen = draw.sample(tasks, n_exchanges)
        turns = [(("user", task["request"]), ("assistant", task["refusal"])) for task in chosen]
        rows.append({"messages": [{"role": role, "content": text} for turn in turns for role, text in turn]})
    return rows


def base() -> BaseModel:
    entry = {"name": "miniature", "source": str(weights_dir()), "corpus": "miniature"}
    return read_base({**entry, "learning_rate": 2e-3, "full_learning_rate": 3e-4})


def spec_of(model: BaseModel) -> TrainingSpec:
    """One epoch of a LoRA at the product's defaults."""
    return TrainingSpec(
        job_id="bench",
        base=model,
        method=Method.SUPERVISED,
        tuning=Tuning.LORA,
        hyperparameters=Hyperparameters(n_epochs=1, batch_size=BATCH, learning_rate_multiplier=1.0),
        lora=LORA,
        seed=0,
        max_length=512,
    )


def _ours(path: Path, directory: Path) -> tuple[Callable[[], Any], Any]:
    spec = spec_of(base())
    tokenizer = AutoTokenizer.from_pretrained(weights_dir())

    def prepared() -> Any:
        return sft.prepare(
            Bench(
                run=RunDirectory(root=directory),
                order=Order(spec=spec, training_path="", training_digest="", validation_path=None),
                examples=path,
                base_path=weights_dir(),
                model=weights.starting_point(weights_dir(), spec),
                tokenizer=tokenizer,
                renderer=Renderer(tokenizer, max_length=512),
            )
        )

    return (lambda: prepared().build([])), prepared().rendered


def _adapter() -> LoraConfig:
    return LoraConfig(task_type="CAUSAL_LM", r=LORA.rank, lora_alpha=LORA.alpha, target_modules="all-linear")


def _padded(rendered: Any, directory: str, to: int | None = None) -> Callable[[], Any]:
    """transformers' trainer on the same ids and labels, rows padded to the batch's longest, or `to` so many tokens."""
    spans = [slice(rendered.offsets[i], rendered.offsets[i + 1]) for i in range(len(rendered))]
    columns = {
        "input_ids": [list(rendered.input_ids[span]) for span in spans],
        "labels": [list(rendered.labels[span]) for span in spans],
        "attention_mask": [[1] * (span.stop - span.start) for span in spans],
    }
    tokenizer = AutoTokenizer.from_pretrained(weights_dir())

    def make() -> Trainer:
        return Trainer(
            model=get_peft_model(AutoModelForCausalLM.from_pretrained(weights_dir()), _adapter()),
            args=TrainingArguments(directory, **_common()),
            train_dataset=Dataset.from_dict(columns),
            data_collator=DataCollatorForSeq2Seq(tokenizer, padding="max_length" if to else "longest", max_length=to),
        )

    return make


def _bare(rows: Sequence[Row], directory: str) -> Callable[[], Any]:
    """TRL as its quick start has it; only 16-bit numbers are off, which this processor is slow with."""
    return lambda: SFTTrainer(
        model=str(weights_dir()),
        args=SFTConfig(directory, bf16=False, **_common()),
        train_dataset=Dataset.from_list(list(rows)),
        peft_config=_adapter(),
    )


def _common() -> dict[str, Any]:
    return {
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def _measure(rate: float, rival_rate: float, rival: str, goal: float) -> Measure:
    return Measure(
        name="supervised training, LoRA on the miniature",
        value=rate,
        unit="tokens/s",
        rival=f"{rival}: {rival_rate:,.0f} tokens/s",
        ratio=rate / rival_rate,
        goal=f">= {goal:g}",
        met=rate / rival_rate >= goal,
        machine=machine(),
    )
