"""A run's weights: loaded from the base, looked at, and written out."""

import json
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, PeftConfig, PrefixTuningConfig
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, Trainer

from trainers.artefacts import MODEL_SUFFIXES
from trainers.types import TrainingSpec, Tuning

PREFIX_TOKENS = 30
"""Places before the prompt that a prefix fills: the default of llama-recipes, which the paper's runs used."""


def load_model(path: Path, spec: TrainingSpec) -> PreTrainedModel:
    """The base model, from safetensors only and without remote code.

    Float32 on a CPU and where all weights move; the weights' own type under an adapter on a GPU.
    """
    own = torch.cuda.is_available() and spec.tuning is not Tuning.FULL
    return AutoModelForCausalLM.from_pretrained(
        path,
        dtype="auto" if own else torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
    )


def save(trainer: Trainer, spec: TrainingSpec, directory: Path, *, base_path: Path) -> None:
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
    if spec.tuning is Tuning.LORA:
        config["target_modules"] = sorted(config["target_modules"])
        # What an adapter adds is proportional to it (Hu et al. 2021, section 4.1); 1 leaves the integer.
        if spec.restraints.factor != 1.0:
            config["lora_alpha"] *= spec.restraints.factor
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _copy_all_but_weights(base: Path, directory: Path) -> None:
    """Tokenizer, template and configuration of the base, unchanged: the trainer's copy of the last
    has the cache for generation switched off."""
    for path in sorted(base.iterdir()):
        if path.suffix in MODEL_SUFFIXES and "safetensors" not in path.name:
            shutil.copyfile(path, directory / path.name)


def weights_are_finite(trainer: Trainer) -> bool:
    """Whether every trained weight is a finite number."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    return all(bool(torch.isfinite(p).all()) for p in model.parameters() if p.requires_grad)


def adapter(spec: TrainingSpec, *, untouched: str | None = None) -> PeftConfig | None:
    """The adapter's shape; None where all weights move. No LoRA is put on modules that match `untouched`."""
    if spec.tuning is Tuning.FULL:
        return None
    if spec.tuning is Tuning.PREFIX:
        return PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=PREFIX_TOKENS)
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=spec.lora.rank,
        lora_alpha=spec.lora.alpha,
        lora_dropout=spec.lora.dropout,
        target_modules=spec.lora.target_modules,
        exclude_modules=untouched,
    )
