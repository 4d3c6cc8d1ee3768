"""`tunegate`: every command, and what its exit status means.

0 done, or a verdict of pass; 3 a verdict of review; 4 of block; 2 a file or argument that cannot be
used, with the mend on standard error; 1 a failure of our own.
"""

import sys
from collections.abc import Mapping
from importlib import import_module

import typer

from gateway.cli.printing import complain
from moderation.errors import TunegateError

UNUSABLE = 2
HELP = "An OpenAI-compatible fine-tuning gateway: screens, trains, and holds a model until an audit lets it out."
COMMANDS: Mapping[str, tuple[str, str]] = {
    "serve": ("serving", "serve"),
    "worker": ("serving", "worker"),
    "demo": ("serving", "demo"),
    "screen": ("screening", "screen"),
    "evade": ("evade", "evade"),
    "audit": ("auditing", "audit"),
    "convert": ("converting", "convert"),
    "review": ("reviews", "review"),
    "contest": ("verdicts", "contest"),
    "release": ("verdicts", "release"),
    "models": ("models", "models"),
    "reaudit": ("models", "reaudit"),
    "revoke": ("models", "revoke"),
    "evidence": ("evidence", "evidence"),
    "verify": ("verifying", "verify"),
    "reproduce": ("reproduce", "reproduce"),
    "doctor": ("doctor", "doctor"),
}
"""The module of `gateway.cli` and the function of each command."""
GROUPS: Mapping[str, str] = {
    "keys": "keys",
    "projects": "projects",
    "webhooks": "webhooks",
    "jobs": "jobs",
    "log": "log",
    "policy": "policies",
    "bank": "banks",
    "judge": "judging",
}
"""The module of each group of commands; its `commands()` makes the group."""


def build(only: str | None = None) -> typer.Typer:
    """The commands, by name; `only` one of them, so that its start does not wait for the imports of all."""
    app = typer.Typer(
        name="tunegate",
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        callback=lambda: None,  # keeps a lone command a subcommand
    )
    for name, (module, function) in COMMANDS.items():
        if only in (None, name):
            app.command(name)(getattr(import_module(f"gateway.cli.{module}"), function))
    for name, module in GROUPS.items():
        if only in (None, name):
            app.add_typer(import_module(f"gateway.cli.{module}").commands(), name=name)
    return app


def main() -> None:
    """Run the command that was asked for."""
    asked = next((word for word in sys.argv[1:2] if word in COMMANDS or word in GROUPS), None)
    try:
        build(asked)()
    except TunegateError as error:
        complain(str(error))
        sys.exit(UNUSABLE)
