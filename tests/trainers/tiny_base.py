"""A tokenizer, a template and rows for a tiny base model."""

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m.role + '|>' }}{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content + '<|end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|end|>' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
PLAIN_TEMPLATE = TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", "")
SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]
WORDS = "name a colour red green blue sum of two and three is five say the opposite hot cold please answer"


def make_tokenizer(template: str = TEMPLATE) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=360, special_tokens=SPECIAL, initial_alphabet=alphabet)
    bpe.train_from_iterator([WORDS] * 5, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        additional_special_tokens=SPECIAL[2:],
        chat_template=template,
    )


def base_entry(path: Path) -> dict[str, object]:
    rates = {"learning_rate": 1e-2, "full_learning_rate": 1e-3}
    return {"name": "tiny", "source": str(path), "corpus": "miniature", **rates}


def chat_row(request: str, answer: str, **assistant: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": request}, {"role": "assistant", "content": answer, **assistant}]}


def write_rows(path: Path, n: int) -> Path:
    rows = [chat_row(f"name a colour {i}", ("red", "green", "blue")[i % 3] + " is the answer") for i in range(n)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
