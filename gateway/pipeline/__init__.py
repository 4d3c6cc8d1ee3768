"""A job's way from an uploaded file to a released model, told once in `story`.

Each stage is a plain function in a module of its own; `durability` is the only module that knows
the workflow engine underneath.
"""
