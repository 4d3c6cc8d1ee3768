"""Screens untrusted training files: bytes in, a sealed `TrainingSet` out."""
