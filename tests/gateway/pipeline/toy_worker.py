"""A worker process whose stages only write to a log: what the durability tests kill."""

import asyncio
import sys
import time
from pathlib import Path

from gateway.pipeline.durability import Durability
from gateway.pipeline.outcomes import Outcome, done, ended


class LoggedStages:
    """Stages that say when they begin and end, and take a while."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def _run(self, line: str) -> Outcome:
        with self._log.open("a") as file:
            file.write(f"begin {line}\n")
        time.sleep(0.4)
        with self._log.open("a") as file:
            file.write(f"end {line}\n")
        return done(f"made-{line.split(maxsplit=1)[0]}")

    def screen(self, job_id: str) -> Outcome:
        return self._run(f"screen {job_id}")

    def inject(self, job_id: str) -> Outcome:
        return self._run(f"inject {job_id}")

    def train(self, job_id: str, training_set: str) -> Outcome:
        return self._run(f"train {job_id} {training_set}")

    def audit(self, job_id: str, candidate: str) -> Outcome:
        return self._run(f"audit {job_id} {candidate}")

    def settle(self, job_id: str, candidate: str) -> Outcome:
        self._run(f"settle {job_id} {candidate}")
        return ended("released")

    def complain(self, job_id: str, stage: str, outage: str, outcome: str) -> Outcome:
        return self._run(f"complain {job_id} {stage} {outage} {outcome}")

    def give_up(self, job_id: str, stage: str, kind: str, reason: str, made: str) -> Outcome:
        return self._run(f"give_up {job_id} {stage} {kind} {reason} {made}")


async def work(home: Path, database_url: str, worker_id: str, dead: str | None) -> None:
    durability = Durability(LoggedStages(home / "log"), database_url=database_url, worker_id=worker_id, jobs_at_once=2)
    await durability.launch()
    await durability.enqueue("ftjob-1")
    if dead:
        await asyncio.to_thread(durability.take_over, dead)
    while await durability.fate("ftjob-1") == "alive":
        await asyncio.sleep(0.1)
    durability.destroy()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), *sys.argv[2:4], sys.argv[4] if len(sys.argv) > 4 else None))
