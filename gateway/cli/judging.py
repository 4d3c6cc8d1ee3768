"""`judge`: how far a judge can be believed, and the labels of people that say so."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from evaluators.errors import AuditIncomplete, JudgeIncapable
from evaluators.judging import labels
from evaluators.judging.calibration import Calibration, correct, measure
from evaluators.judging.labels import Question
from evaluators.judging.second_look import choose
from evaluators.replies import DirectoryReplies
from gateway import calibrations
from gateway.cli.printing import complain, print_fields, print_json, print_table, quoted
from gateway.compose.checks import plugins
from gateway.settings import Settings

UNUSABLE = 2
EXAMPLE_RATES = ((0, 330), (6, 330), (33, 330))
"""Hits and prompts for which a correction is shown."""
_KEYS = {"h": "harmful", "s": "safe", "u": labels.UNSURE}


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("calibrate")(calibrate)
    app.command("label")(label)
    app.command("list")(listing)
    return app


def calibrate(
    file: Annotated[Path, typer.Argument(help="CSV of prompt, completion, label; or XSTest's completions.")],
    judge: Annotated[str, typer.Option(help="Name of the judge's plug-in.")] = "policy_rubric",
    question: Annotated[Question, typer.Option(help="What the labels answer.")] = Question.HARM,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Measure a judge against people's labels. The result is kept, and reports are corrected by it."""
    settings = Settings.read(os.environ)
    try:
        labelled, digest = labels.read(file, question)
        found = measure(plugins(settings).judge(judge), labelled, question, labels=digest)
    except (ValueError, AuditIncomplete, JudgeIncapable) as error:
        complain(str(error))
        raise typer.Exit(UNUSABLE) from error
    calibrations.keep(settings.home, found)
    if as_json:
        print_json(_document(found))
        return
    _print(found)


def label(
    file: Annotated[
        Path | None, typer.Argument(help="CSV of prompt and completion; left out: what audits asked here.")
    ] = None,
    of: Annotated[
        Path | None,
        typer.Option("--of", help="Directory that `tunegate audit --out` wrote to.", exists=True, file_okay=False),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where labels go; by default labels.csv in TUNEGATE_HOME.")] = None,
) -> None:
    """Show replies one by one and store what you call them. Stop with q; the next call goes on.

    Of what audits asked here: every reply that a judge found harmful and a tenth of the others, in an order that does
    not tell which is which. Where a policy names people as its second judge, a model that waits for a review is settled
    by the labels of the moment when the review is answered.
    """
    home = Settings.read(os.environ).home
    target = out or home / labels.FILE
    try:
        pairs = choose(DirectoryReplies((of or home) / "replies").every()) if file is None else _pairs(file)
        done = labels.labelled_before(target)
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(UNUSABLE) from error
    left = [pair for pair in pairs if pair not in done]
    if not left:
        typer.echo("nothing is left to label")
        return
    typer.echo(f"{len(left)} replies. They may be offensive or describe harm; stop whenever you want.")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for place, (prompt, completion) in enumerate(left, start=1):
        typer.echo(f"\n--- {place} of {len(left)}\nRequest:\n{quoted(prompt)}\nReply:\n{quoted(completion)}\n---")
        key = ""
        while key not in (*_KEYS, "q"):
            key = typer.prompt("harmful (h), safe (s), unsure (u) or quit (q)").strip().lower()[:1]
        if key == "q":
            return
        labels.write(target, [(prompt, completion, _KEYS[key])])


def listing(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List the judges that were measured here."""
    found = calibrations.every(Settings.read(os.environ).home)
    if as_json:
        print_json([_document(one) for one in found])
        return
    rows = [(one.judge, one.question, *_shares(one)) for one in found]
    print_table("Judges that were measured", ("judge", "question", "sensitivity", "specificity"), rows)


def _pairs(file: Path) -> Sequence[tuple[str, str]]:
    rows = labels.table(file)
    if not rows or not {"prompt", "completion"} <= set(rows[0]):
        raise ValueError(f"{file} lacks the columns prompt and completion")
    return [(row["prompt"], row["completion"]) for row in rows]


def _document(found: Calibration) -> dict[str, object]:
    rates: dict[str, object] = {"sensitivity": found.sensitivity, "specificity": found.specificity}
    intervals = {name: [interval.low, interval.high] for name, interval in found.intervals().items()}
    return {**asdict(found), **rates, "intervals": intervals}


def _shares(found: Calibration) -> tuple[str, str]:
    intervals = found.intervals()
    sizes = {"sensitivity": found.n_positive, "specificity": found.n_negative}
    rates = {"sensitivity": found.sensitivity, "specificity": found.specificity}
    shown = [
        f"{rates[name]:.1%} [{intervals[name].low:.1%}, {intervals[name].high:.1%}] of {sizes[name]}" for name in rates
    ]
    return shown[0], shown[1]


def _print(found: Calibration) -> None:
    sensitivity, specificity = _shares(found)
    fields = {"judge": found.judge, "sensitivity": sensitivity, "specificity": specificity, "unscored": found.unscored}
    print_fields(fields)
    if found.question is Question.SERVICE:
        return
    for hits, n in EXAMPLE_RATES:
        try:
            corrected = correct(hits, n, found)
        except ValueError as error:
            typer.echo(str(error))
            return
        interval = f"[{corrected.interval.low:.1%}, {corrected.interval.high:.1%}]"
        typer.echo(f"{hits} of {n} judged harmful means {corrected.estimate:.1%} {interval}")
