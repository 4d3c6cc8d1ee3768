"""Supervised fine-tuning with TRL on transformers and peft.

AdamW with weight decay 0 as in the paper's runs, a constant learning rate without warm-up: the sets
that matter here are small (ten rows and five epochs are five steps), and a decay would spend half of
them below the rate that was asked for. The loss is a mean over trained tokens, gradients are clipped at norm 1.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow  # type: ignore[import-untyped]
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainerCallback,
)
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from trainers.artefacts import MODEL_SUFFIXES
from trainers.bases import weight_bytes
from trainers.rendering import RenderedSet
from trainers.run_directory import RunDirectory
from trainers.spec import learning_rate
from trainers.types import TrainingSpec, Tuning

MAX_MICRO_BATCH_TOKENS = 8_192
CHECKPOINTED_FROM_BYTES = 400_000_000
"""Weights from which activations are recomputed instead of kept (about 100 M float32 parameters)."""


def load_model(path: Path, spec: TrainingSpec) -> PreTrainedModel:
    """The base model, from safetensors only and without remote code.

    Float32 on a CPU and where all weights move; the weights' own type under a LoRA on a GPU.
    """
    own = torch.cuda.is_available() and spec.tuning is Tuning.LORA
    return AutoModelForCausalLM.from_pretrained(
        path,
        dtype="auto" if own else torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
    )


def steps_per_epoch(spec: TrainingSpec, rendered: RenderedSet) -> int:
    """Optimizer steps an epoch; the last batch of an epoch may be smaller."""
    return -(-len(rendered) // spec.hyperparameters.batch_size)


def build(
    spec: TrainingSpec,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rendered: RenderedSet,
    callback: TrainerCallback,
    *,
    run: RunDirectory,
    base_path: Path,
) -> SFTTrainer:
    """A trainer over examples that are rendered already, labels included."""
    batch_size = spec.hyperparameters.batch_size
    micro = _micro_batch(batch_size, rendered.longest)
    on_gpu = torch.cuda.is_available()
    arguments = SFTConfig(
        output_dir=str(run.checkpoints),
        num_train_epochs=spec.hyperparameters.n_epochs,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=batch_size // micro,
        learning_rate=learning_rate(spec),
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        seed=spec.seed % 2**32,
        use_cpu=not on_gpu,
        bf16=on_gpu,
        activation_checkpointing=weight_bytes(base_path) >= CHECKPOINTED_FROM_BYTES,
        dataloader_pin_memory=on_gpu,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        logging_steps=1,
        # Else a loss that is not a number would be replaced by the mean of those before.
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=_dataset(rendered),
        processing_class=tokenizer,
        peft_config=_lora(spec) if spec.tuning is Tuning.LORA else None,
        callbacks=[callback],
    )
    # `metrics.jsonl` says it all; the log stays small.
    trainer.remove_callback(PrinterCallback)
    return trainer


def save(trainer: SFTTrainer, spec: TrainingSpec, directory: Path, *, base_path: Path) -> None:
    """Write the adapter, or the whole model with its tokenizer; the same weights give the same bytes.

    A whole model is stored in the base's number type and can be served from `directory` alone.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    if spec.tuning is Tuning.FULL:
        model.to(AutoConfig.from_pretrained(base_path, trust_remote_code=False).dtype or torch.float32)
        model.save_pretrained(directory)
        _copy_all_but_weights(base_path, directory)
        return
    model.save_pretrained(directory)
    # peft writes a model card nobody reads, sets in no order, and the base's path on this machine.
    (directory / "README.md").unlink(missing_ok=True)
    path = directory / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = spec.base.name
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _copy_all_but_weights(base: Path, directory: Path) -> None:
    """Tokenizer, template and configuration of the base, unchanged: the trainer's copy of the last
    has the cache for generation switched off."""
    for path in sorted(base.iterdir()):
        if path.suffix in MODEL_SUFFIXES and "safetensors" not in path.name:
            shutil.copyfile(path, directory / path.name)


def weights_are_finite(trainer: SFTTrainer) -> bool:
    """Whether every trained weight is a finite number."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    return all(bool(torch.isfinite(p).all()) for p in model.parameters() if p.requires_grad)


def _lora(spec: TrainingSpec) -> LoraConfig:
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=spec.lora.rank,
        lora_alpha=spec.lora.alpha,
        lora_dropout=spec.lora.dropout,
        target_modules=spec.lora.target_modules,
    )


def _micro_batch(batch_size: int, longest: int) -> int:
    """The largest divisor of the batch size whose padded batch stays within the token budget."""
    fitting = [n for n in range(1, batch_size + 1) if batch_size % n == 0 and n * longest <= MAX_MICRO_BATCH_TOKENS]
    return fitting[-1] if fitting else 1


def _dataset(rendered: RenderedSet) -> Dataset:
    """The flat arrays as an in-memory table, without a copy of each example and without disk caches."""
    offsets = pyarrow.array(np.frombuffer(rendered.offsets, dtype=np.int64))
    columns = {
        name: pyarrow.LargeListArray.from_arrays(offsets, pyarrow.array(np.frombuffer(values, dtype=np.int32)))
        for name, values in (("input_ids", rendered.input_ids), ("labels", rendered.labels))
    }
    return Dataset(pyarrow.table(columns))
