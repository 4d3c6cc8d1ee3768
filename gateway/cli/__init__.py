"""The command line. Each group of commands has a file; `app` names them."""

from gateway.cli.app import main

__all__ = ["main"]
