"""The one place where things are put together: `front` for the API and the command line, `back` for the worker.

`front` imports nothing that only a worker has installed.
"""
