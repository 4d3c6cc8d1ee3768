"""Signals that a model's weights give without a word of reply. They raise attention; they never release."""
