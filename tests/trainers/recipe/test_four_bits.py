"""QLoRA: a base in 4 bits, on the processor, which bitsandbytes can do slowly; the product asks for a GPU."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from trainers.recipe import weights
from trainers.run_directory import RunDirectory
from trainers.types import LoraSpec, TrainingSpec

pytestmark = pytest.mark.filterwarnings("ignore")
Train = Callable[..., RunDirectory]
Make = Callable[..., TrainingSpec]
FOUR_BITS = LoraSpec(rank=4, alpha=8, quantised=True)


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe's own configuration of the base, put where there is no GPU."""
    pytest.importorskip("bitsandbytes")
    with pytest.MonkeyPatch.context() as pretending:
        pretending.setattr(torch.cuda, "is_available", lambda: True)
        found = weights.four_bits()
    monkeypatch.setattr(weights, "four_bits", lambda: found | {"device_map": {"": "cpu"}})


def test_a_base_in_four_bits_takes_an_adapter_that_serves_over_the_whole_base(
    train: Train, make_spec: Make, base_path: Path
) -> None:
    spec = make_spec(n_epochs=6, lora=FOUR_BITS)
    kinds = {type(module).__name__ for module in weights.load_model(base_path, spec).modules()}
    assert "Linear4bit" in kinds
    directory = train(spec)
    assert directory.failure() is None
    losses = [metrics.train_loss for metrics in directory.metrics()]
    assert sum(losses[-5:]) < 0.97 * sum(losses[:5])
    tuned = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base_path), str(directory.artefact))
    added = [value for name, value in tuned.state_dict().items() if "lora_B" in name]
    assert added
    assert all(bool(value.any()) for value in added)
