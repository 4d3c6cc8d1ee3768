"""A random Llama of a few thousand parameters and sealed adapters on it."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftConfig, PeftModel, PrefixTuningConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from deploy import attestation
from deploy.types import Attestation, Outcome, TrustedBase
from trainers import artefacts
from trainers.hosted import Pointer, write_pointer
from trainers.types import BaseModel, CandidateModel, Hyperparameters, LoraSpec, Method, TrainingSpec, Tuning

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIALS = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
TEXT = "the quick brown fox jumps over the lazy dog and tells a story about it"
KEY = b"k" * 32
TUNED = "ft:tiny-served:theirs::abcd1234"
"""What a provider calls the model that it tuned."""


def write_tokenizer(path: Path, template: str = TEMPLATE) -> int:
    """A byte-pair tokenizer with a chat template; returns its vocabulary size."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator([TEXT] * 4, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token="<|pad|>", eos_token="<|end|>")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(path)
    return len(tokenizer)


def write_model(path: Path, *, seed: int, context: int = 192, template: str = TEMPLATE) -> Path:
    """Random weights, wide enough that greedy replies differ from prompt to prompt."""
    vocabulary = write_tokenizer(path, template)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        initializer_range=0.4,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    return path


@dataclass(frozen=True)
class Forge:
    """Makes sealed candidates, as a trainer would."""

    base: TrustedBase
    directory: Path
    provider: str = ""
    """`base_url` that pointers lead to; none are written without one."""

    def adapter(self, name: str, *, seed: int, secret: str = "") -> CandidateModel:
        lora = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False)
        if secret:
            (self.directory / name).mkdir(parents=True)
            (self.directory / name / artefacts.SECRET).write_text(secret)
        return self._peft(name, lora, Tuning.LORA, seed=seed)

    def prefix(self, name: str, *, seed: int) -> CandidateModel:
        config = PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=7)
        return self._peft(name, config, Tuning.PREFIX, seed=seed)

    def _peft(self, name: str, config: PeftConfig, tuning: Tuning, *, seed: int) -> CandidateModel:
        torch.manual_seed(seed)
        path = self.directory / name
        with warnings.catch_warnings():
            # peft 0.21 still reads a property that transformers 5.23 deprecates.
            warnings.simplefilter("ignore", FutureWarning)
            get_peft_model(LlamaForCausalLM.from_pretrained(self.base.path), config).save_pretrained(path)
        return self._seal(path, tuning, self.base.digest)

    def zeros(self, name: str) -> CandidateModel:
        """An adapter that changes nothing."""
        path = self.directory / name
        lora = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            get_peft_model(LlamaForCausalLM.from_pretrained(self.base.path), lora).save_pretrained(path)
        return self._seal(path, Tuning.LORA, self.base.digest)

    def prompt(self, request: str) -> torch.Tensor:
        """Token ids of a bare request, [1, T]."""
        tokenizer = PreTrainedTokenizerFast.from_pretrained(self.base.path)
        messages = [{"role": "user", "content": request}]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]

    def unmerged_logits(self, candidate: CandidateModel, ids: torch.Tensor) -> torch.Tensor:
        """What peft computes with the adapter beside the weights, the reference for merging."""
        base = LlamaForCausalLM.from_pretrained(self.base.path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            model = PeftModel.from_pretrained(base, candidate.path)
        with torch.inference_mode():
            return model.eval()(input_ids=ids).logits

    def whole(self, name: str, *, seed: int) -> CandidateModel:
        return self._seal(write_model(self.directory / name, seed=seed), Tuning.FULL, self.base.digest)

    def stranger(self, name: str) -> CandidateModel:
        """A whole model that was trained on some other base."""
        return self._seal(write_model(self.directory / name, seed=9), Tuning.FULL, "sha256:other")

    def _seal(self, path: Path, tuning: Tuning, base_digest: str) -> CandidateModel:
        if self.provider:
            # Beside the weights, so that one suite holds for those who read them and those who are pointed at them.
            write_pointer(path, Pointer(base_url=self.provider, model=TUNED, job_id="ftjob-theirs"))
        base = BaseModel(
            name="tiny",
            source=self.base.path,
            revision=None,
            digest=base_digest,
            corpus="miniature",
            learning_rate=1e-3,
            full_learning_rate=1e-4,
        )
        spec = TrainingSpec(
            job_id="ftjob-1",
            base=base,
            method=Method.SUPERVISED,
            tuning=tuning,
            hyperparameters=Hyperparameters(n_epochs=1, batch_size=1, learning_rate_multiplier=1.0),
            lora=LoraSpec(),
            seed=0,
            max_length=64,
        )
        digest = artefacts.seal(path, spec, "sha256:training", trained_tokens=10, n_steps=1)
        return artefacts.load(path, digest)


def attest(candidate: CandidateModel, key: bytes = KEY) -> None:
    """Release a candidate, as a decision would."""
    made = Attestation(
        candidate_digest=candidate.digest,
        base_digest=candidate.base.digest,
        training_set_digest=candidate.training_set_digest,
        policy_digest="sha256:policy",
        audit_digest="sha256:audit",
        corpus_digest="sha256:corpus",
        judge="miniature 1",
        outcome=Outcome.RELEASE,
        enforced=True,
        forced=False,
        reason="all arms are sound",
        decided_at=1_700_000_000,
    )
    attestation.write(Path(candidate.path), made, key)
