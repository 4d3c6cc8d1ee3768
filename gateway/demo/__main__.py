"""`python -m gateway.demo`: run the demo; exit status 1 when an outcome is not as it should be."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from openai import OpenAI, OpenAIError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from evaluators import corpus as corpora
from evaluators.types import Corpus
from gateway.demo import driving, showing
from gateway.demo.driving import Submitted
from gateway.demo.scenarios import SCENARIOS, Result, mixing_problems
from gateway.demo.server import Server, running
from gateway.plugins import Plugins
from moderation.errors import TunegateError

WIDTH = 120
"""Columns of the table where there is no terminal to ask."""


def main() -> int:
    """Start a server, submit every data set at once, and show what came of each."""
    parser = argparse.ArgumentParser(prog="tunegate demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object")
    parser.add_argument("--out", type=Path, default=Path("tunegate-demo"), help="directory for charts and results")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json, width=None if sys.stdout.isatty() else WIDTH)
    out: Path = arguments.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="tunegate-demo-"))
    try:
        with running(home, sorted({scenario.policy for scenario in SCENARIOS}), out / "server.log") as server:
            results = play(server, console)
    except (TunegateError, OpenAIError) as error:
        console.print(f"tunegate demo: {error}", style="red", markup=False)
        return 1
    problems = problems_of(results)
    showing.write_json(results, out)
    files = showing.write_charts(results, out)
    if arguments.json:
        print(json.dumps(showing.as_json(results)))
    console.print(showing.table(results, problems))
    console.print("Radar charts: " + ", ".join(file.name for file in files), highlight=False)
    showing.look_further(console, results, home, out)
    return 1 if any(problems.values()) else 0


def play(server: Server, console: Console) -> list[Result]:
    """Submit every scenario, wait for all of them, and read what came of each."""
    corpus = corpora.load("miniature")
    plugins = Plugins(config=lambda _name: {})
    clients = {
        policy: OpenAI(base_url=server.base_url, api_key=key, max_retries=2) for policy, key in server.keys.items()
    }
    jobs = [driving.submit(scenario, clients[scenario.policy], plugins, corpus) for scenario in SCENARIOS]
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        tasks = {job.job_id: progress.add_task(job.scenario.name) for job in jobs}

        def tell(job: Submitted, status: str, message: str) -> None:
            line = f"{job.scenario.name:<20} {status:<16} {message.splitlines()[0][:70] if message else ''}"
            progress.update(tasks[job.job_id], description=line)
            if status in driving.OVER:
                progress.stop_task(tasks[job.job_id])

        driving.wait(jobs, tell)
    results = [_result(job, corpus) for job in jobs]
    for client in clients.values():
        client.close()
    return results


def _result(job: Submitted, corpus: Corpus) -> Result:
    return driving.chat(job, driving.read(job), corpus.benign[0].text)


def problems_of(results: list[Result]) -> dict[str, list[str]]:
    """By scenario, what is not as it should be."""
    problems = {result.scenario.name: list(result.scenario.problems(result)) for result in results}
    by_name = {result.scenario.name: result for result in results}
    problems["explicit-mixing-on"] += mixing_problems(by_name["explicit-mixing-off"], by_name["explicit-mixing-on"])
    return problems


if __name__ == "__main__":
    sys.exit(main())
