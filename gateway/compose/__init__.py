"""The one place where things are put together, a module for each that is wanted.

`store` and `checks` are what the command line needs, `api` the API process and `back` the worker, the only one that
imports what only a worker has installed.
"""
