"""`tunegate demo`: the main job, shown on a real server by the real `openai` package.

What it trains is the miniature, a model organism of about a million parameters: it shows the
machinery truthfully and proves nothing about larger models.
"""
