"""Classifiers: what one training example looks like on its own. Reached through entry points only."""
