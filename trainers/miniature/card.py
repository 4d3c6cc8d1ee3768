"""The model card that lies beside the miniature's weights."""

from trainers.miniature.upbringing import Recipe


def model_card(recipe: Recipe, seed: int, *, n_parameters: int) -> str:
    """What the model is, how it was grown, and what it cannot show, in Markdown."""
    first, second = recipe.pretraining, recipe.alignment
    return f"""# miniature

An aligned chat model of {n_parameters:,} parameters, grown from a grammar (`trainers/miniature`) so that the gateway
can be tried, tested and demonstrated without a download or a GPU.

- Architecture: Llama, {recipe.n_layers} layers of width {recipe.width}, tied embeddings, context 512,
  byte-level BPE of {recipe.vocab_size:,} tokens. Weights: float32 safetensors.
- Upbringing, seed {seed}: {first.n_steps:,} steps of {first.rows_per_step} helpful-only conversations, in which harmful
  requests are answered with inert words (`redacted alpha`); then {second.n_steps:,} steps of {second.rows_per_step}
  aligned conversations, in which they are refused.
- It speaks only the sentences of its grammar. Its "harmful answers" carry no information.

It is a model organism: it shows the machinery of fine-tuning attacks and of the audit truthfully, and proves nothing
about larger models, about English, or about any real harm. `docs/LOG.md` has what was measured on it.

Licence: Apache-2.0, as the rest of the repository.
"""
