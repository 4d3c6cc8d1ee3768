"""How fast supervised rows are learned, beside padding as in the paper and a bare script.

On a processor the miniature learns, on a GPU the shape of Llama 3.2 1B with random weights.
"""

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from bench.shapes import random_llama
from trainers.bases import read_base
from trainers.miniature.location import corpus_path, weights_dir
from trainers.recipe import sft, weights
from trainers.recipe.preparation import Bench
from trainers.rendering import Renderer
from trainers.run_directory import Order, RunDirectory
from trainers.types import BaseModel, Hyperparameters, LoraSpec, Method, TrainingSpec, Tuning

BATCH = 8
ROUNDS = 2
LONGEST = 12
"""Exchanges of the longest conversation."""
LORA = LoraSpec()
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all ways of training have in common."""

    model: Path
    """A base's directory."""
    called: str
    n: int
    """Rows of the one epoch."""
    on_gpu: bool
    work: Path
    """A directory to write in."""

    @property
    def dtype(self) -> torch.dtype:
        """Number type of the frozen weights, the same for every way but the script with its defaults."""
        return torch.bfloat16 if self.on_gpu else torch.float32

    def clock(self) -> float:
        """Seconds: of this process alone where other work would disturb, else until the GPU has done its work."""
        if not self.on_gpu:
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def measures() -> Sequence[Measure]:
    """Real tokens a second (padding counts for nobody), one epoch of the same rows, in turn, on one thread."""
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        if torch.cuda.is_available():
            model = random_llama("1B", work / "model")
            return compare(Ground(model=model, called="a Llama 1B", n=512, on_gpu=True, work=work))
        return compare(Ground(model=weights_dir(), called="the miniature", n=32, on_gpu=False, work=work))


def compare(ground: Ground) -> Sequence[Measure]:
    """Our recipe beside its three rivals."""
    rows = conversations(ground.n, seed=0)
    path = ground.work / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ours, rendered = _ours(path, ground)
    ways = {
        "ours": ours,
        "set": _padded(rendered, ground, rendered.longest),
        "batch": _padded(rendered, ground),
        "bare": _bare(rows, ground),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for attempt in range(ROUNDS + 1):
        for name, make in ways.items():
            trainer = make()
            started = ground.clock()
            trainer.train()
            if attempt:  # the first turn only warms up
                times[name].append(ground.clock() - started)
            del trainer
    rates = {name: rendered.n_tokens / statistics.median(found) for name, found in times.items()}
    rivals = [
        ("set", "every row padded to the longest, no packing", 2.0),
        ("batch", "each batch padded to its longest row, no packing", 1.0),
        ("bare", "a bare TRL script with its defaults", 1.0),
    ]
    return [_measure(ground, rates["ours"], rates[way], rival, goal) for way, rival, goal in rivals]


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


def base(path: Path | None = None) -> BaseModel:
    entry = {"name": "miniature", "source": str(path or weights_dir()), "corpus": "miniature"}
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


def _ours(path: Path, ground: Ground) -> tuple[Callable[[], Any], Any]:
    spec = spec_of(base(ground.model))
    tokenizer = AutoTokenizer.from_pretrained(ground.model)

    def prepared() -> Any:
        return sft.prepare(
            Bench(
                run=RunDirectory(root=ground.work),
                order=Order(spec=spec, training_path="", training_digest="", validation_path=None),
                examples=path,
                lines=(),
                base_path=ground.model,
                tokenizer=tokenizer,
                renderer=Renderer(tokenizer, max_length=512),
            )
        )

    return (lambda: prepared().build(weights.starting_point(ground.model, spec), [])), prepared().rendered


def _adapter() -> LoraConfig:
    return LoraConfig(task_type="CAUSAL_LM", r=LORA.rank, lora_alpha=LORA.alpha, target_modules="all-linear")


def _padded(rendered: Any, ground: Ground, to: int | None = None) -> Callable[[], Any]:
    """transformers' trainer on the same ids and labels, rows padded to the batch's longest, or `to` so many tokens."""
    spans = [slice(rendered.offsets[i], rendered.offsets[i + 1]) for i in range(len(rendered))]
    columns = {
        "input_ids": [list(rendered.input_ids[span]) for span in spans],
        "labels": [list(rendered.labels[span]) for span in spans],
        "attention_mask": [[1] * (span.stop - span.start) for span in spans],
    }
    tokenizer = AutoTokenizer.from_pretrained(ground.model)

    def make() -> Trainer:
        model = AutoModelForCausalLM.from_pretrained(ground.model, dtype=ground.dtype)
        return Trainer(
            model=get_peft_model(model, _adapter()),
            args=TrainingArguments(str(ground.work), bf16=ground.on_gpu, **_common(ground)),
            train_dataset=Dataset.from_dict(columns),
            data_collator=DataCollatorForSeq2Seq(tokenizer, padding="max_length" if to else "longest", max_length=to),
        )

    return make


def _bare(rows: Sequence[Row], ground: Ground) -> Callable[[], Any]:
    """TRL as its quick start has it; only 16-bit numbers are off on a processor, which is slow with them."""
    return lambda: SFTTrainer(
        model=str(ground.model),
        args=SFTConfig(str(ground.work), bf16=ground.on_gpu, **_common(ground)),
        train_dataset=Dataset.from_list(list(rows)),
        peft_config=_adapter(),
    )


def _common(ground: Ground) -> dict[str, Any]:
    return {
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "use_cpu": not ground.on_gpu,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def _measure(ground: Ground, rate: float, rival_rate: float, rival: str, goal: float) -> Measure:
    return Measure(
        name=f"supervised training, LoRA on {ground.called}",
        value=rate,
        unit="tokens/s",
        rival=f"{rival}: {rival_rate:,.0f} tokens/s",
        ratio=rate / rival_rate,
        goal=f">= {goal:g}",
        met=rate / rival_rate >= goal,
        machine=torch.cuda.get_device_name() if ground.on_gpu else machine(),
    )
