"""`tunegate`: every command, and what its exit status means.

0 done, or a verdict of pass; 3 a verdict of review; 4 of block; 2 a file or argument that cannot be
used, with the mend on standard error; 1 a failure of our own.
"""

import sys
from collections.abc import Mapping
from importlib import import_module

import typer

from deploy.errors import EngineUnavailable
from evaluators.errors import AuditIncomplete, JudgeUnavailable
from gateway.cli.printing import complain
from moderation.errors import ChatUnavailable, ClassifierUnavailable, TunegateError
from trainers.errors import TrainingFailed

OURS, UNUSABLE = 1, 2
FAILURES = (
    AuditIncomplete,
    ChatUnavailable,
    ClassifierUnavailable,
    EngineUnavailable,
    JudgeUnavailable,
    TrainingFailed,
)
"""What no other argument would mend."""
HELP = "An OpenAI-compatible fine-tuning gateway: screens, trains, and holds a model until an audit lets it out."
COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "serve": ("serving", "serve", "Run the gateway: the API, one worker and the engines."),
    "worker": ("serving", "worker", "Run one more worker beside `serve`, on the same home or database."),
    "demo": ("serving", "demo", "Show the main job end to end, on six data sets."),
    "screen": ("screening", "screen", "Screen training files."),
    "distil": ("distilling", "distil", "Have a base model write its own safety examples."),
    "evade": ("evade", "evade", "Show what the screening catches, and what gets past it."),
    "audit": ("auditing", "audit", "Audit a model beside its base, without a server."),
    "admit": ("admitting", "admit", "Audit a base model on its own, and let it in."),
    "convert": ("converting", "convert", "Write Alpaca, ShareGPT and other rows as chat JSONL."),
    "review": ("reviews", "review", "List open reviews, or answer the one of a job."),
    "contest": ("verdicts", "contest", "Contest a verdict, or have an audit made again that was not completed."),
    "release": ("verdicts", "release", "Force the release of a withheld model."),
    "models": ("models", "models", "List released models, and why any of them should be audited again."),
    "reaudit": ("reauditing", "reaudit", "List models that are audited again, or keep one."),
    "revoke": ("revoking", "revoke", "Revoke a released model, on every replica."),
    "evidence": ("evidence", "evidence", "Write the evidence on a model or job, or check a pack."),
    "verify": ("verifying", "verify", "Check signature, files, audit report and policy of a release."),
    "backup": ("backups", "backup", "Save database, blobs and keys in one file."),
    "restore": ("backups", "restore", "Put a backup into an empty installation."),
    "reproduce": ("reproduce", "reproduce", "Attack the miniature as the paper attacks GPT-3.5."),
    "trail": ("trail", "trail", "Who did what, in ids and without content."),
    "doctor": ("doctor", "doctor", "Check whether this installation can work."),
}
"""The module of `gateway.cli` and the function of each command, and what it does."""
GROUPS: Mapping[str, tuple[str, str]] = {
    "keys": ("keys", "Keys of projects, and of the admin API."),
    "projects": ("projects", "Projects, their policies and limits."),
    "users": ("users", "People, and their roles in projects."),
    "webhooks": ("webhooks", "Where a project hears of its jobs' ends."),
    "jobs": ("jobs", "Fine-tuning jobs of every project."),
    "log": ("log", "The decision log: append-only, each entry bound to the one before."),
    "policy": ("policies", "Policies: what is allowed."),
    "bank": ("banks", "Prompts of an audit: your own bank, and public sets of yours."),
    "judge": ("judging", "Judges: label replies, measure a judge against labels."),
}
"""The module of each group of commands, whose `commands()` makes the group, and what they are about."""


def build(only: str | None = None) -> typer.Typer:
    """The commands, by name; `only` one of them, so that its start does not wait for the imports of all."""
    app = _empty()
    for name, (module, function, does) in COMMANDS.items():
        if only in (None, name):
            app.command(name, short_help=does)(getattr(import_module(f"gateway.cli.{module}"), function))
    for name, (module, about) in GROUPS.items():
        if only in (None, name):
            app.add_typer(import_module(f"gateway.cli.{module}").commands(), name=name, help=about)
    return app


def listing() -> typer.Typer:
    """The names of all commands and what they do, for `--help`: nothing is imported, and nothing can be run."""
    app = _empty()
    for name, (*_, does) in [*COMMANDS.items(), *GROUPS.items()]:
        app.command(name, short_help=does)(_listed)
    return app


def main() -> None:
    """Run the command that was asked for."""
    asked = sys.argv[1:2]
    try:
        if asked in ([], ["--help"]):
            listing()()
        else:
            build(next((word for word in asked if word in COMMANDS or word in GROUPS), None))()
    except TunegateError as error:
        complain(str(error))
        sys.exit(OURS if isinstance(error, FAILURES) else UNUSABLE)
    except OSError as error:
        if error.filename is None:
            raise
        complain(f"{error.filename}: {error.strerror}")
        sys.exit(UNUSABLE)


def _empty() -> typer.Typer:
    return typer.Typer(
        name="tunegate",
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        callback=lambda: None,  # keeps a lone command a subcommand
    )


def _listed() -> None:
    """Stands for a command in a list."""
