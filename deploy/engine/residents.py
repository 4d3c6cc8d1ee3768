"""The models that are in memory: the base, and its adapters and whole tunings merged into copies.

An adapter is merged into a copy that shares every tensor it does not touch with the base. A merged
model decodes as fast as the base, where the unmerged one was a quarter slower, and rows of several
adapters need no special kernels; the price is memory, which a least-recently-used list bounds.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from llguidance import LLTokenizer
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from deploy.engine.merging import merge_adapter
from deploy.engine.prefixes import read_prefix
from deploy.engine.sampling import Draw, choose
from deploy.engine.tools import Dialect, dialect_of
from deploy.errors import EngineRefused
from trainers.turns import control_pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a name stands for after its digests were verified."""

    path: str
    adapter: bool
    """False when `path` is a whole model with its own tokenizer and template."""
    secret: str = field(default="", repr=False)
    """What stands before every system prompt; only the serving engine puts it there."""


class Resident:
    """A model ready to decode, with its tokenizer, template and end tokens."""

    def __init__(self, model: Any, tokenizer: Any, prefix: Tensor | None = None, secret: str = "") -> None:
        self.model = model
        self.secret = secret
        self.prefix = prefix
        """Keys and values before every prompt, as `prefixes.read_prefix` gives them."""
        self.n_prefix = 0 if prefix is None else prefix.shape[3]
        self.tokenizer = tokenizer
        self.device = model.device
        self.context_length: int = model.config.max_position_embeddings - self.n_prefix
        self.ends = end_tokens(model, tokenizer)
        self.control = control_pattern(tokenizer)
        """What a message must not spell: tokens that would end its turn and forge another."""

    @cached_property
    def dialect(self) -> Dialect | None:
        """How the model calls tools, as its chat template has it."""
        templates = self.tokenizer.chat_template
        return dialect_of(templates if isinstance(templates, str) else " ".join(templates.values()))

    @cached_property
    def grammar_tokenizer(self) -> LLTokenizer:
        """The tokenizer as a parser of replies sees it."""
        vocabulary = self.tokenizer.backend_tokenizer.to_str()
        return LLTokenizer(vocabulary, n_vocab=self.model.config.vocab_size, eos_token=sorted(self.ends))

    def encode(self, text: str) -> list[int]:
        """Token ids of a rendered prompt; thread-safe, as the library's own wrapper is not."""
        return list(self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids without special tokens; thread-safe."""
        return str(self.tokenizer.backend_tokenizer.decode(list(ids), skip_special_tokens=True))

    def choose(self, logits_B_V: Tensor, draws: Sequence[Draw]) -> list[int]:
        """The next token of each row; see `sampling.choose`."""
        return choose(logits_B_V, draws)


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Ids that end a reply: those of the generation config, else of the tokenizer."""
    configured = model.generation_config.eos_token_id
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(int(one) for one in (*ids, tokenizer.eos_token_id) if one is not None)


def read_model(path: str, device: str) -> Any:
    """A causal language model from a local directory: safetensors only, no code of its own.

    Raises EngineRefused for one whose layers do not attend to everything before them.
    """
    model = AutoModelForCausalLM.from_pretrained(
        path, dtype="auto", local_files_only=True, use_safetensors=True, trust_remote_code=False
    )
    layers = set(getattr(model.config, "layer_types", None) or ["full_attention"])
    if layers != {"full_attention"}:
        raise EngineRefused(
            f"the embedded engine serves models with full attention only; this one has {sorted(layers)}. "
            "Serve it with vLLM."
        )
    placed: Any = model
    return placed.to(device).eval().requires_grad_(False)


def read_tokenizer(path: str) -> Any:
    """The tokenizer of a local directory, with its chat template."""
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    if not tokenizer.chat_template:
        raise EngineRefused(f"the model in {Path(path).name} has no chat template; add chat_template.jinja to it.")
    return tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What a name stands for, in memory or not."""

    digest: str
    verify: Callable[[], Weights]


class Residents:
    """Names and what they stand for; at most `max_models` besides the base are in memory.

    `verify` is asked for each name when it is added and again whenever its weights are read, so
    bytes that changed on disk are never served. It raises when a digest or attestation does not hold.
    """

    def __init__(self, base: Resident, base_name: str, *, max_models: int, device: str) -> None:
        self._base = base
        self._base_name = base_name
        self._max_models = max_models
        self._device = device
        self._known: dict[str, _Known] = {}
        self._loaded: OrderedDict[str, Resident] = OrderedDict()
        self._lock = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """The base's name first, then the others as they were added."""
        return (self._base_name, *self._known)

    def add(self, name: str, digest: str, verify: Callable[[], Weights]) -> None:
        """Read and keep a model under a name, replacing what the name stood for.

        A name that has this digest in memory already is left as it is.
        """
        if name == self._base_name:
            raise EngineRefused(f"`{name}` is the base model's name; choose another.", param="lora_name")
        with self._lock:
            known = self._known.get(name)
            if known is not None and known.digest == digest and name in self._loaded:
                return
            self._loaded.pop(name, None)
            self._keep(name, verify)
            self._known[name] = _Known(digest=digest, verify=verify)

    def remove(self, name: str) -> bool:
        """Forget a name; false when it was not known. Rows that run on it end normally."""
        with self._lock:
            self._loaded.pop(name, None)
            return self._known.pop(name, None) is not None

    def peek(self, name: str) -> Resident | None:
        """As `get` when that needs no waiting, else None: nothing is read and no lock is waited for."""
        if name == self._base_name:
            return self._base
        if not self._lock.acquire(blocking=False):
            return None
        try:
            if name in self._loaded:
                self._loaded.move_to_end(name)
            return self._loaded.get(name)
        finally:
            self._lock.release()

    def get(self, name: str) -> Resident | None:
        """The model of a name, read again if it had to make room; None for an unknown name."""
        if name == self._base_name:
            return self._base
        with self._lock:
            known = self._known.get(name)
            if known is None:
                return None
            if name not in self._loaded:
                self._keep(name, known.verify)
            self._loaded.move_to_end(name)
            return self._loaded[name]

    def weights(self, name: str) -> Weights | None:
        """Where the weights of a name lie, verified again; None for an unknown name, the base's among them."""
        with self._lock:
            known = self._known.get(name)
        return None if known is None else known.verify()

    def _keep(self, name: str, verify: Callable[[], Weights]) -> None:
        weights = verify()
        while len(self._loaded) >= self._max_models:
            self._loaded.popitem(last=False)
        if weights.adapter:
            prefix = read_prefix(self._base.model, weights.path)
            model = merge_adapter(self._base.model, weights.path) if prefix is None else self._base.model
            self._loaded[name] = Resident(model, self._base.tokenizer, prefix, weights.secret)
        else:
            own = read_model(weights.path, self._device), read_tokenizer(weights.path)
            self._loaded[name] = Resident(*own, secret=weights.secret)


def read_base(path: str, device: str) -> Resident:
    """The base model itself."""
    return Resident(read_model(path, device), read_tokenizer(path))
