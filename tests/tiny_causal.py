"""Causal language models of some ten thousand weights in the shapes of real ones, random or taught a few answers."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if guideline is defined %}[{{ guideline }}]{% endif %}{% if add_generation_prompt %}<|judge|>{% endif %}"
)
SPECIAL = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|judge|>")
ANSWERS = ("safe", "unsafe\nS9", "yes", "no")
"""One token each, so that a taught answer is one step."""
CONTEXT = 256
Messages = Sequence[dict[str, str]]


def make_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytewise = Tokenizer(models.BPE(vocab={sign: place for place, sign in enumerate(alphabet)}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bytewise.decoder = decoders.ByteLevel()
    bytewise.add_tokens([AddedToken(answer, normalized=False) for answer in ANSWERS])
    return PreTrainedTokenizerFast(
        tokenizer_object=bytewise,
        pad_token=SPECIAL[0],
        eos_token=SPECIAL[1],
        additional_special_tokens=list(SPECIAL[2:]),
        chat_template=template,
    )


def make_model(
    directory: Path, *, shape: str = "llama", template: str | None = TEMPLATE, lessons: Sequence[tuple[str, str]] = ()
) -> Path:
    """Save a model; `lessons` are rendered prompts with one of `ANSWERS` each."""
    tokenizer = make_tokenizer(template)
    size = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "eos_token_id": tokenizer.eos_token_id,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(LlamaConfig(**size)) if shape == "llama" else Qwen2ForCausalLM(Qwen2Config(**size))
        if lessons:
            _teach(model, tokenizer, lessons)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def rendered(*messages: tuple[str, str]) -> str:
    """What `TEMPLATE` makes of (role, text) turns."""
    return "".join(f"<|{role}|>{text}<|end|>" for role, text in messages) + "<|judge|>"


def _teach(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, lessons: Sequence[tuple[str, str]]) -> None:
    rows = [tokenizer(f"{prompt}{answer}<|end|>")["input_ids"] for prompt, answer in lessons]
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    labels = torch.full_like(ids, -100)
    for place, row in enumerate(rows):
        labels[place, len(row) - 2 : len(row)] = ids[place, len(row) - 2 : len(row)]
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(100):
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.02:
            break
