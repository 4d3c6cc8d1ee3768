"""Model-FLOPs utilisation of LoRA on a GPU: `python -m bench.mfu`. Random weights, random tokens, no network.

Of a frozen weight a step needs the forward pass and the gradient of its input, 4 FLOP a token, and of the
attention over T tokens 12 T d a layer and token, of which causality saves half; what activation
checkpointing computes again, and the adapter itself, do not count. The peak is that of dense bfloat16.
"""

import argparse
import time
from collections.abc import Mapping
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM
from trl.trainer.utils import add_fused_lm_head

from bench.shapes import SHAPES, config_of
from trainers.types import LoraSpec

PEAKS: Mapping[str, float] = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "4090": 165e12}
"""FLOP a second, from NVIDIA's data sheets, without sparsity; the first name found in the device's."""
WARM_UP = 3
N_STEPS = 10


def main() -> int:
    """Print tokens a second and the utilisation of each shape; exit status 2 without a GPU."""
    parser = argparse.ArgumentParser(prog="python -m bench.mfu", description=__doc__)
    parser.add_argument("shapes", nargs="*", default=list(SHAPES), help=f"any of: {', '.join(SHAPES)}; all by default")
    parser.add_argument("--length", type=int, default=2048, help="tokens of a row")
    parser.add_argument("--batch", type=int, default=4, help="rows of a step")
    parser.add_argument("--checkpointing", action="store_true", help="recompute activations, as for less memory")
    parser.add_argument("--peak", type=float, default=0.0, help="FLOP a second of a GPU that is not listed")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        print("bench.mfu needs a GPU; this machine has none that torch can use")
        return 2
    name = torch.cuda.get_device_name()
    peak = asked.peak or next((flops for known, flops in PEAKS.items() if known in name), 0.0)
    if not peak:
        parser.error(f"the peak of {name} is not known; give it with --peak")
    for shape in asked.shapes:
        config = config_of(shape, length=asked.length)
        rate, n_weights = tokens_per_second(config, asked.length, asked.batch, checkpointed=asked.checkpointing)
        share = rate * flops_per_token(config, n_weights, asked.length) / peak
        memory = torch.cuda.max_memory_allocated() / (1 << 30)
        print(f"{shape}: {rate:,.0f} tokens/s, {share:.1%} of {peak / 1e12:,.0f} TFLOP/s, {memory:.0f} GiB, {name}")
    return 0


def flops_per_token(config: LlamaConfig, n_weights: int, length: int) -> float:
    """FLOP that a LoRA step needs for a token; `n_weights` are those of the matrices, the head's among them."""
    attention = config.num_hidden_layers * 6 * length * config.hidden_size
    return 4.0 * n_weights + attention


def tokens_per_second(config: LlamaConfig, length: int, batch: int, *, checkpointed: bool) -> tuple[float, int]:
    """Speed of whole optimizer steps, and the number of weights that multiply a token."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    with torch.device("cuda"):
        base = LlamaForCausalLM(config).to(torch.bfloat16)
    n_weights = sum(p.numel() for p in base.parameters() if p.dim() == 2)
    if not config.tie_word_embeddings:
        n_weights -= base.get_input_embeddings().weight.numel()  # it is looked up; tied, it is the head too
    add_fused_lm_head(base)
    lora = LoraSpec()
    model: Any = get_peft_model(
        base, LoraConfig(task_type="CAUSAL_LM", r=lora.rank, lora_alpha=lora.alpha, target_modules=lora.target_modules)
    )
    if checkpointed:
        model.enable_input_require_grads()
        base.gradient_checkpointing_enable()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=True)
    ids = torch.randint(0, config.vocab_size, (batch, length), device="cuda")
    for step in range(WARM_UP + N_STEPS):
        if step == WARM_UP:
            torch.cuda.synchronize()
            started = time.perf_counter()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = model(input_ids=ids, labels=ids, fused_lm_head=True).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    torch.cuda.synchronize()
    return N_STEPS * batch * length / (time.perf_counter() - started), n_weights


if __name__ == "__main__":
    raise SystemExit(main())
