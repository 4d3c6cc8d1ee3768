"""Asking the miniature many things at once, greedily."""

from collections.abc import Sequence

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


def reply_all(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    batch_size: int = 165,
) -> list[str]:
    """One greedy reply a rendered prompt, in order, without special tokens.

    Prompts of like length are batched, padded on the left, so every batch decodes as one tensor.
    """
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    replies = [""] * len(prompts)
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        batch = tokenizer(
            [prompts[index] for index in chosen], return_tensors="pt", padding=True, add_special_tokens=False
        )
        with torch.inference_mode():
            out_B_T = model.generate(  # type: ignore[misc]  # transformers types `self` as a protocol
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=max_new_tokens,
                do_sample=False,
            )
        texts = tokenizer.batch_decode(out_B_T[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
        for index, text in zip(chosen, texts, strict=True):
            replies[index] = text.strip()
    return replies
