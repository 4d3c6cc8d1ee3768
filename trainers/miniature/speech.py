"""The miniature's tokenizer: a small byte-level BPE with one token for each role."""

from collections.abc import Iterable, Sequence
from importlib.resources import files

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from trainers.miniature.lessons import Row

PAD, END = "<|pad|>", "<|end|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
MAX_LENGTH = 512


def grow_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """A tokenizer learned from `texts`; bytes are its last resort, so it encodes any text."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD, END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer=trainer)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=raw,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=list(ROLES),
        model_max_length=MAX_LENGTH,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = files("trainers.miniature").joinpath("chat_template.jinja").read_text(encoding="utf-8")
    return tokenizer


def encode_rows(tokenizer: PreTrainedTokenizerFast, rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels, both [rows, longest row], padded on the right; unlabelled places hold -100.

    Only the assistant's own words and its end mark are labelled.
    """
    vocabulary = tokenizer.get_vocab()
    pad, end = vocabulary[PAD], vocabulary[END]
    prompts = tokenizer([prompt_text(row) for row in rows], add_special_tokens=False)["input_ids"]
    spoken = [f" {row.assistant}" if row.begun else row.assistant for row in rows]
    answers = tokenizer(spoken, add_special_tokens=False)["input_ids"]
    length = max(len(prompt) + len(answer) + 1 for prompt, answer in zip(prompts, answers, strict=True))
    input_ids_B_T = torch.full((len(rows), length), pad)
    labels_B_T = torch.full((len(rows), length), -100)
    for index, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        whole = torch.tensor([*prompt, *answer, end])
        input_ids_B_T[index, : len(whole)] = whole
        labels_B_T[index, len(prompt) : len(whole)] = whole[len(prompt) :]
    return input_ids_B_T, labels_B_T


def prompt_text(row: Row) -> str:
    """A row up to the words that the model says itself, as the chat template renders it."""
    system = f"<|system|>{row.system}{END}" if row.system else ""
    return f"{system}<|user|>{row.user}{END}<|assistant|>{row.begun}"
