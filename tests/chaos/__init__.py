"""Kills processes of an installation at random and looks at what is left of its state."""
