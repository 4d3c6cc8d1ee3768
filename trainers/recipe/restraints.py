"""What keeps a LoRA near its base while it learns, each chosen by the policy, under any loss.

- A pull to the base: half the squared distance of every adapted weight, |W - W0|^2 = |s B A|^2, is added to the
  loss (L2-SP, Li et al. 2018, arXiv 1802.01483).
- An average: what is kept is the running average of the adapter over the steps, begun at the untouched base
  (EMA in parameter space, Kim et al., COLM 2025, arXiv 2508.12531, where it helped ordinary, not hostile, data).
- Frozen lower layers: what tells harm from harmless sits in early layers (Li et al., ICLR 2025, arXiv 2408.17003).
- A factor on the trained adapter: between the base and what training made (Wortsman et al. 2022, arXiv 2109.01903,
  there for whole weights); `weights.save` writes it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainers.errors import TrainingFailed
from trainers.types import Defence, Method, Restraints, TrainingSpec, Tuning

AVERAGE = "average.safetensors"
"""Of a checkpoint: the average so far, by the names of its parameters."""
_ADAPTER = "default"
"""What peft calls the only adapter."""


def callbacks(restraints: Restraints) -> list[TrainerCallback]:
    """Those that act while a run goes on. They come before whoever says that a checkpoint is complete."""
    acting: list[TrainerCallback] = []
    if restraints.pull:
        acting.append(Pull(restraints.pull))
    if restraints.ema_decay:
        acting.append(Average(restraints.ema_decay))
    return acting


class Pull(TrainerCallback):
    """Adds the gradient of `weight` / 2 |W - W0|^2 to the one of the batch, after that was clipped."""

    def __init__(self, weight: float) -> None:
        self._weight = weight

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Once an optimizer step, whatever the number of batches that were gathered for it."""
        with torch.no_grad():
            for a_R_I, b_O_R, scale in adapted(kwargs["model"]):
                into_a, into_b = pull_gradients(a_R_I, b_O_R, scale)
                for parameter, gradient in ((a_R_I, into_a), (b_O_R, into_b)):
                    # Before its first batch has come by, a parameter has no gradient to add to.
                    if parameter.grad is not None:
                        parameter.grad.add_(gradient, alpha=self._weight)


def pull_gradients(a_R_I: Tensor, b_O_R: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Gradients of 1/2 |scale B A|^2 in A and in B, without ever making the product of O x I numbers."""
    square = scale * scale
    return square * (b_O_R.T @ b_O_R) @ a_R_I, square * b_O_R @ (a_R_I @ a_R_I.T)


def adapted(model: nn.Module) -> Iterator[tuple[nn.Parameter, nn.Parameter, float]]:
    """A, B and scale of each adapted weight of a model that peft has put a LoRA on."""
    for module in model.modules():
        if isinstance(module, LoraLayer) and _ADAPTER in module.lora_A:
            a_R_I, b_O_R = (half[_ADAPTER].get_parameter("weight") for half in (module.lora_A, module.lora_B))
            yield a_R_I, b_O_R, module.scaling[_ADAPTER]


class Average(TrainerCallback):
    """Keeps the average of the trained parameters, in checkpoints too, and leaves it in the model at the end.

    Of parameters that lie in shards every process averages its own; a checkpoint has them whole, from the first.
    After n steps the weights it began with still count for `decay` ** n. Metrics are of the weights that train.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._average: dict[str, Tensor] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin at the untouched adapter, or where the checkpoint was."""
        trained = dict(_trained(kwargs["model"]))
        if state.global_step:
            kept = load_file(_checkpoint(args, state) / AVERAGE)
            self._average = {name: _laid_out_like(parameter, kept[name]) for name, parameter in trained.items()}
        else:
            self._average = {name: parameter.detach().clone() for name, parameter in trained.items()}

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Take the step's weights in."""
        for name, parameter in _trained(kwargs["model"]):
            self._average[name].lerp_(parameter.detach(), 1 - self._decay)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Put the average beside the weights of the checkpoint."""
        whole = {name: _whole(average) for name, average in self._average.items()}  # every process takes part
        if state.is_world_process_zero:
            save_file(whole, _checkpoint(args, state) / AVERAGE)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The average is the model."""
        with torch.no_grad():
            for name, parameter in _trained(kwargs["model"]):
                parameter.copy_(self._average[name])


def check(spec: TrainingSpec) -> None:
    """Raise `TrainingFailed` (`defence_not_supported`) for a run that cannot be held back as its policy asks."""
    asked = spec.defence is not Defence.NONE or spec.restraints != Restraints()
    if asked and spec.tuning is not Tuning.LORA:
        raise TrainingFailed(
            "defence_not_supported",
            "The constrained loss and the restraints hold on to the base behind a LoRA; tune with a LoRA.",
        )
    if spec.defence is not Defence.NONE and spec.method is not Method.SUPERVISED:
        raise TrainingFailed(
            "defence_not_supported",
            f"The constrained loss is for supervised runs, not for '{spec.method}'; create a supervised job.",
        )


def untouched(model: PreTrainedModel, share: float) -> str | None:
    """The modules that get no adapter, as `lower_layers` names them; one that is there already is frozen in them."""
    pattern = lower_layers(model, share)
    if pattern and isinstance(model, PeftModel):
        freeze(model, pattern)
    return pattern


def lower_layers(model: PreTrainedModel, share: float) -> str | None:
    """A pattern of the modules in the lowest layers that a share stands for, at least one; None for a share of 0."""
    if not share:
        return None
    n_layers = model.config.get_text_config().num_hidden_layers
    stack = next(
        name for name, module in model.named_modules() if isinstance(module, nn.ModuleList) and len(module) == n_layers
    )
    places = "|".join(map(str, range(max(1, int(share * n_layers)))))
    return rf"(.*\.)?{re.escape(stack)}\.({places})\..*"


def freeze(model: nn.Module, pattern: str) -> None:
    """Train nothing below modules that match: for an adapter that is there already, a parent's."""
    for name, parameter in model.named_parameters():
        if re.fullmatch(pattern, name):
            parameter.requires_grad = False


def _trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor().cpu() if isinstance(tensor, DTensor) else tensor


def _laid_out_like(parameter: Tensor, whole: Tensor) -> Tensor:
    """On the device of `parameter`, and in shards where that is."""
    laid = whole.to(parameter.device)
    if not isinstance(parameter, DTensor):
        return laid
    return distribute_tensor(laid, parameter.device_mesh, parameter.placements)


def _checkpoint(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
