"""`distil`: a base model writes its own safety examples."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evaluators.distilling import SAMPLES, TEMPERATURE
from evaluators.errors import JudgeIncapable, JudgeUnavailable
from gateway.cli.printing import complain, print_fields, print_json
from gateway.compose.distilling import Wanted, run
from gateway.settings import Settings
from moderation.injection import safety_set

UNUSABLE, FAILED = 2, 1
MAX_SAMPLES = 64


def distil(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    out: Annotated[Path, typer.Option(help="Where the set goes; TUNEGATE_HOME/safety/NAME.jsonl to use it.")],
    base: Annotated[str, typer.Option(help="A listed base, a directory, or http://host/v1#model.")] = "miniature",
    requests: Annotated[
        Path | None, typer.Option(help="JSONL of request and category; left out: those of our own safety examples.")
    ] = None,
    judge: Annotated[
        list[str],
        typer.Option(help="A judge plug-in or endpoint; repeatable, all must agree. Default: the corpus's."),
    ] = [],  # noqa: B006
    prompt: Annotated[str, typer.Option(help="The safety prompt. Default: the corpus's house prompt.")] = "",
    samples: Annotated[
        int, typer.Option(help="Answers a request, of which one is kept.", min=1, max=MAX_SAMPLES)
    ] = SAMPLES,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0)] = TEMPERATURE,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    corpus: Annotated[str, typer.Option(help="Language of an endpoint's or directory's model. Default: english.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")] = False,
) -> None:
    """Have a model answer harmful requests under a safety prompt, and keep its refusals without the prompt.

    Only answers that every judge scores as a refusal are kept; what no judge scored is dropped.
    """
    wanted = Wanted(
        base=base,
        corpus=corpus,
        requests=requests,
        judges=tuple(judge),
        safety_prompt=prompt,
        n_samples=samples,
        temperature=temperature,
        seed=seed,
        out=out,
    )
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("requests"))
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("requests", total=None)
            found, judges, spoken = run(
                Settings.read(os.environ),
                wanted,
                lambda done, planned: progress.update(task, completed=done, total=planned),
            )
    except (ValueError, JudgeIncapable) as error:
        complain(str(error))
        raise typer.Exit(UNUSABLE) from error
    except JudgeUnavailable as error:
        complain(f"{error}; nothing was written")
        raise typer.Exit(FAILED) from error
    told = {
        "file": str(out),
        "digest": safety_set.read(out).digest,
        "corpus": spoken.name,
        "judges": [one.identity for one in judges],
        **{name: value for name, value in asdict(found).items() if name != "rows"},
        "kept": len(found.rows),
    }
    if as_json:
        print_json(told)
        return
    print_fields({name: _readable(value) for name, value in told.items()})


def _readable(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{count} {reason}" for reason, count in value.items()) or "none"
    return ", ".join(value) if isinstance(value, list) else value
