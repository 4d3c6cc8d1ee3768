"""`ChatModel` over weights on this machine, through transformers.

Safetensors only, and no code of the model's own. What strangers wrote cannot pass for the chat template's own
marks: special tokens that occur in a turn are read as ordinary text.

Axes: B rows of a batch, T tokens of the padded prompts.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import jinja2
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from moderation.chat.types import Conversation, Finish, Reply, Sampling
from moderation.errors import ChatUnavailable
from moderation.model_files import digest, directory_of
from moderation.types import Role

BATCH_TOKENS = 65_536
"""Prompt and reply tokens of a batch, padding included; one longer row goes alone."""
NO_LIMIT = 1_000_000_000
"""Tokenizers without a limit of their own name a number above this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """A causal language model and its tokenizer, loaded once for all that ask it. Thread-safe."""

    identity: str
    model: Any
    tokenizer: Any
    context: int
    """Tokens of prompt and reply together."""
    ends: frozenset[int]
    """Tokens that end a reply."""
    lock: Lock = field(default_factory=Lock)
    """One batch at a time: they share a device and its random numbers."""

    def padded(self, prompts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Token ids and attention mask, both (B, T), padded on the left."""
        width = max(map(len, prompts))
        pad = min(self.ends)
        ids_B_T = torch.tensor([[pad] * (width - len(ids)) + list(ids) for ids in prompts])
        mask_B_T = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts])
        return ids_B_T.to(self.model.device), mask_B_T.to(self.model.device)

    def continue_all(self, prompts: Sequence[Sequence[int]], sampling: Sampling, seed: int) -> list[Reply]:
        """One reply a prompt. Raises ChatUnavailable when the device has no room for them."""
        ids_B_T, mask_B_T = self.padded(prompts)
        how = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=sampling.max_tokens,
            eos_token_id=sorted(self.ends),
            pad_token_id=min(self.ends),
            **({"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
               if sampling.temperature > 0 else {"do_sample": False}),
        )  # fmt: skip
        devices = [self.model.device] if self.model.device.type == "cuda" else []
        try:
            with self.lock, torch.inference_mode(), torch.random.fork_rng(devices):
                torch.manual_seed(seed)
                out_B_T = self.model.generate(ids_B_T, attention_mask=mask_B_T, generation_config=how)
        except torch.OutOfMemoryError as exc:
            raise ChatUnavailable(
                f"{self.identity}: the device has no room for {len(prompts)} prompts of up to {ids_B_T.shape[1]} "
                "tokens; lower ..._MAX_CONCURRENCY"
            ) from exc
        return [self._reply(ids) for ids in out_B_T[:, ids_B_T.shape[1] :].tolist()]

    def choices(self, prompts: Sequence[Sequence[int]], tokens: Sequence[int]) -> list[list[float]]:
        """The probability of each of these tokens to come next, given that one of them does; (B, len(tokens))."""
        ids_B_T, mask_B_T = self.padded(prompts)
        positions_B_T = (mask_B_T.cumsum(dim=1) - 1).clamp(min=0)
        with self.lock, torch.inference_mode():
            logits = self.model(
                input_ids=ids_B_T, attention_mask=mask_B_T, position_ids=positions_B_T, logits_to_keep=1
            ).logits[:, -1]
        found: list[list[float]] = logits[:, list(tokens)].float().softmax(dim=-1).tolist()
        return found

    def _reply(self, ids: Sequence[int]) -> Reply:
        end = next((place for place, token in enumerate(ids) if token in self.ends), None)
        text = self.tokenizer.decode(ids[:end], skip_special_tokens=True)
        return Reply(text=text, finish=Finish.LENGTH if end is None else Finish.STOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalChat:
    """A `ChatModel` on this machine.

    A prompt that leaves no room for `max_tokens` in the model's context is not asked, nor cut: its reply is empty
    with finish `length`. A batch is drawn from one seed, so that a drawn reply depends on its neighbours.
    """

    local: LocalModel
    max_batch: int = 32
    template_arguments: Mapping[str, object] = field(default_factory=dict)
    """Further variables of the chat template, such as the guideline that ShieldGemma is asked about."""
    continues: bool = True
    """Whether a last turn by the assistant is continued; a guard model is shown it to be judged."""
    plain: bool = False
    """Whether the turns' bare texts are the prompt: a tuned classifier's own prompt has its marks in it."""

    @property
    def identity(self) -> str:
        """Name and digest of the model."""
        return self.local.identity

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        """One reply a conversation, in order. Raises ChatUnavailable, also when the template refuses one."""
        prompts = [self.prompt_ids(conversation) for conversation in conversations]
        replies = {place: Reply(text="", finish=Finish.LENGTH) for place in range(len(prompts))}
        for batch in self._batches(prompts, sampling.max_tokens):
            said = self.local.continue_all([prompts[place] for place in batch], sampling, sampling.seed + batch[0])
            replies |= zip(batch, said, strict=True)
        return [replies[place] for place in range(len(prompts))]

    def choose(self, conversations: Sequence[Conversation], answers: Sequence[str]) -> Sequence[Sequence[float] | None]:
        """The probability of each answer, one token each, to come first; None where the prompt does not fit.

        They are relative to each other: a conversation's sum to 1. Raises ChatUnavailable as `complete` does.
        """
        prompts = [self.prompt_ids(conversation) for conversation in conversations]
        tokens = [self.local.tokenizer.convert_tokens_to_ids(answer) for answer in answers]
        found: dict[int, list[float]] = {}
        for batch in self._batches(prompts, 1):
            found |= zip(batch, self.local.choices([prompts[place] for place in batch], tokens), strict=True)
        return [found.get(place) for place in range(len(prompts))]

    def prompt_ids(self, conversation: Conversation) -> list[int]:
        """The tokens that a conversation is put in. Raises ChatUnavailable when the template refuses it."""
        tokenizer = self.local.tokenizer
        if self.plain:
            text = "\n\n".join(turn.text for turn in conversation)
            return list(tokenizer(text, split_special_tokens=True)["input_ids"])
        resumes = self.continues and bool(conversation) and conversation[-1].role is Role.ASSISTANT
        try:
            return list(
                tokenizer.apply_chat_template(
                    [{"role": turn.role.value, "content": turn.text} for turn in conversation],
                    add_generation_prompt=not resumes,
                    continue_final_message=resumes,
                    sanitize_control_tokens=True,
                    return_dict=False,
                    **self.template_arguments,
                )
            )
        except (jinja2.TemplateError, ValueError) as exc:
            raise ChatUnavailable(f"{self.identity}: the model's chat template refuses a prompt: {exc}") from exc

    def _batches(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> Iterator[list[int]]:
        """Places of the prompts that fit, longest first: what the device has no room for shows at once."""
        fitting = [place for place, ids in enumerate(prompts) if 0 < len(ids) <= self.local.context - max_tokens]
        fitting.sort(key=lambda place: -len(prompts[place]))
        while fitting:
            widest = len(prompts[fitting[0]]) + max_tokens
            n = max(1, min(self.max_batch, BATCH_TOKENS // widest))
            yield fitting[:n]
            fitting = fitting[n:]


def load(directory: Path, name: str, variable: str) -> LocalModel:
    """The model in a directory, whole or an adapter that names its base, on a GPU where there is one; `name` is shown.

    Raises ValueError that names `variable` when the files are no such model in safetensors.
    """
    if not any(directory.glob("*.safetensors")):
        raise ValueError(f"{variable}: {directory} holds no weights in safetensors; other formats are not read")
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
        model, weights = _weights(directory, variable)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise ValueError(f"{variable}: {directory} holds no model that can be loaded: {error}") from error
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    own = model.generation_config.eos_token_id if model.generation_config is not None else None
    ends = {tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])} - {None}
    if not ends:
        raise ValueError(f"{variable}: {directory} names no token that ends a reply (eos_token)")
    # What else it says, such as a temperature, would be mixed into every request.
    model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    limits = (tokenizer.model_max_length, getattr(model.config.get_text_config(), "max_position_embeddings", None))
    context = min((int(limit) for limit in limits if limit is not None and limit < NO_LIMIT), default=NO_LIMIT)
    return LocalModel(
        identity=f"{name} {weights[:12]}", model=model, tokenizer=tokenizer, context=context, ends=frozenset(ends)
    )


def _weights(directory: Path, variable: str) -> tuple[Any, str]:
    """The model, an adapter merged into its base, and a digest over all of it."""
    adapter = directory / "adapter_config.json"
    if not adapter.exists():
        safe = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True, "dtype": "auto"}
        return AutoModelForCausalLM.from_pretrained(directory, **safe), digest(directory)
    # Imported here: only adapters need it.
    from peft import PeftModel  # noqa: PLC0415

    named = json.loads(adapter.read_text(encoding="utf-8"))["base_model_name_or_path"]
    base, of_base = _weights(directory_of(str(named), variable), variable)
    model = PeftModel.from_pretrained(base, str(directory)).merge_and_unload()
    return model, digest(directory)[:6] + of_base[:6]
