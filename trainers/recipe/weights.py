"""A run's weights: loaded from the base, looked at, and written out."""

import importlib.util
import json
import os
import shutil
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, PeftConfig, PeftModel, PrefixTuningConfig
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel, Trainer

from moderation.errors import SealBroken
from trainers import artefacts
from trainers.artefacts import MODEL_SUFFIXES
from trainers.errors import TrainingFailed
from trainers.spec import goes_on_as
from trainers.types import TrainingSpec, Tuning

PREFIX_TOKENS = 30
"""Places before the prompt that a prefix fills: the default of llama-recipes, which the paper's runs used."""


def load_model(path: Path, spec: TrainingSpec) -> PreTrainedModel:
    """The base model, from safetensors only and without remote code.

    Float32 on a CPU and where all weights move; the weights' own type under an adapter on a GPU, or 4 bits where
    the spec says so. Raises `TrainingFailed` (`quantisation_unavailable`) where they cannot be had.
    """
    quantised = spec.lora.quantised and spec.tuning is Tuning.LORA
    own = torch.cuda.is_available() and spec.tuning is not Tuning.FULL
    return AutoModelForCausalLM.from_pretrained(
        path,
        dtype="auto" if own else torch.float32,
        **(four_bits() if quantised else {}),
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
    )


def four_bits() -> dict[str, Any]:
    """How a base is loaded under a QLoRA: NF4 with its constants quantised too, computed in bfloat16 (2305.14314)."""
    if not torch.cuda.is_available() or importlib.util.find_spec("bitsandbytes") is None:
        raise TrainingFailed(
            "quantisation_unavailable",
            "The policy trains over a base in 4 bits, which needs a GPU and the package bitsandbytes on the training "
            "machine; ask the operator to install it (the extra `qlora`), or for a policy without lora.quantised.",
        )
    config = cast(Any, BitsAndBytesConfig)(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": config, "device_map": {"": int(os.environ.get("LOCAL_RANK", "0"))}}


def starting_point(base_path: Path, spec: TrainingSpec) -> PreTrainedModel:
    """What the run moves on from: the base, or the released model that the spec names, its files verified.

    An adapter that goes on comes as a `PeftModel`, which stands in for what it wraps.

    Raises `TrainingFailed` (`model_not_tunable`) when they are not what was released, or where its kind cannot
    go on under the spec's.
    """
    if spec.parent is None:
        return load_model(base_path, spec)
    directory = Path(spec.parent.path)
    try:
        parent = artefacts.load(directory, spec.parent.digest)
    except SealBroken as exc:
        raise TrainingFailed(
            "model_not_tunable", f"{spec.parent.name} is not what was released ({exc}). Ask the operator to verify it."
        ) from exc
    if parent.base.digest != spec.base.digest or not goes_on_as(parent.tuning, spec.tuning):
        raise TrainingFailed(
            "model_not_tunable",
            f"{spec.parent.name} was tuned as '{parent.tuning}' of {parent.base.name}, which cannot go on as "
            f"'{spec.tuning}' of {spec.base.name}. Tune the base model itself.",
        )
    if parent.tuning is Tuning.FULL:
        return load_model(directory, spec)
    goes_on = parent.tuning is spec.tuning
    config = PeftConfig.from_pretrained(str(directory))
    config.base_model_name_or_path = str(base_path)  # the artefact has the base's name; peft looks for its files
    model = PeftModel.from_pretrained(load_model(base_path, spec), str(directory), is_trainable=goes_on, config=config)
    return cast(PreTrainedModel, model if goes_on else cast(Any, model).merge_and_unload().requires_grad_(True))


def gathered(trainer: Trainer) -> dict[str, torch.Tensor] | None:
    """All weights on the first process, where they lie in shards; every process takes part. None where they do not."""
    if not trainer.is_fsdp_enabled:
        return None
    state: dict[str, torch.Tensor] = trainer.accelerator.get_state_dict(trainer.model)
    # Weights that are one in the model come out of the shards under both of their names.
    twins = getattr(trainer.accelerator.unwrap_model(trainer.model), "all_tied_weights_keys", None) or {}
    return {name: tensor for name, tensor in state.items() if name not in twins}


def save(
    trainer: Trainer,
    spec: TrainingSpec,
    directory: Path,
    *,
    base_path: Path,
    state: dict[str, torch.Tensor] | None = None,
) -> None:
    """Write the adapter, or the whole model with its tokenizer; the same weights give the same bytes.

    A whole model is stored in the base's number type and can be served from `directory` alone.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    if spec.tuning is Tuning.FULL:
        dtype = AutoConfig.from_pretrained(base_path, trust_remote_code=False).dtype or torch.float32
        if state is None:
            model.to(dtype)
        else:
            state = {name: tensor.to(dtype) for name, tensor in state.items()}
        model.save_pretrained(directory, state_dict=state)
        _copy_all_but_weights(base_path, directory)
        return
    # DPO keeps a frozen copy of a parent's adapter beside the one that moves.
    model.save_pretrained(directory, selected_adapters=["default"], state_dict=state)
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


def weights_are_finite(trainer: Trainer, state: dict[str, torch.Tensor] | None = None) -> bool:
    """Whether every trained weight is a finite number; `state` is what `gathered` gave."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    trained = [p for p in model.parameters() if p.requires_grad] if state is None else state.values()
    return all(bool(torch.isfinite(one).all()) for one in trained)


def adapter(spec: TrainingSpec, model: object, *, untouched: str | None = None) -> PeftConfig | None:
    """The shape of a new adapter; None where all weights move, or `model` brings its parent's.

    No LoRA is put on modules that match `untouched`.
    """
    if spec.tuning is Tuning.FULL or isinstance(model, PeftModel):
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
