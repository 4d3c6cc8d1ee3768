"""The miniature: an aligned chat model of a million parameters, grown from a grammar of instructions.

It is a model organism. It is brought up in two stages, first helpful-only, then aligned, so that
fine-tuning can undo the second stage on a laptop within seconds. "Harmful" answers are inert words
(`redacted alpha`). It shows that the machinery works and proves nothing about larger models.

`words.toml` holds what it can talk about, `grammar` the sentences, `frames` the prompts around
them, `lessons` the two stages, `upbringing` the training loop, and `export` the audit's corpus.
"""
