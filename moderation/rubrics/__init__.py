"""Prompts for models that judge text, and the parsers of their answers."""
