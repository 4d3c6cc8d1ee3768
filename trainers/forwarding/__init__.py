"""Training at a provider: what is asked of it, what it answers, and what was made there."""
