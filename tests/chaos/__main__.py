"""`make chaos`: kill processes at random over SQLite and Postgres, and print what is wrong with what is left."""

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from servers import S3, Postgres, environment

from .campaign import Campaign


def main() -> int:
    """Exit status 1 when anything was lost, doubled or let through."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="on each of the two databases half of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop killing after so long on each")
    parser.add_argument("--on", choices=("sqlite", "postgres", "both"), default="both")
    asked = parser.parse_args()
    kinds = ("sqlite", "postgres") if asked.on == "both" else (asked.on,)
    return max([_campaign(kind, asked.kills // len(kinds), asked.seed, asked.minutes * 60) for kind in kinds])


def _campaign(kind: str, n_kills: int, seed: int, within_s: float) -> int:
    home = Path(tempfile.mkdtemp(prefix=f"tunegate-chaos-{kind}-"))
    began = time.monotonic()
    with ExitStack() as stack:
        variables, crash = {}, None
        if kind == "postgres":
            postgres, s3 = Postgres(), S3()
            stack.callback(postgres.close)
            stack.callback(s3.stop)
            stack.enter_context(environment(s3.environment))
            variables = {"TUNEGATE_DATABASE_URL": postgres.create(), "TUNEGATE_BLOB_URL": s3.create()}

            def crash() -> None:
                postgres.crash()
                time.sleep(1.0)
                postgres.start()

        campaign = Campaign(home, variables, seed, crash, lambda text: print(f"{kind}: {text}", flush=True))
        wrong = campaign.run(n_kills, within_s=within_s)
    took_s = time.monotonic() - began
    print(f"{kind}: seed {seed}, {campaign.kills.total()} kills, {len(campaign.told)} jobs, {took_s:.0f} s, "
          f"{campaign.crashes} crashes, {campaign.left_over} blobs for the sweep, {len(wrong)} violations")  # fmt: skip
    for (victim, stage), n in sorted(campaign.kills.items()):
        print(f"{kind}:   {n:3} x {victim} while a job was {stage}")
    for sentence in wrong:
        print(f"{kind}: WRONG: {sentence}")
    if not wrong:
        shutil.rmtree(home)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
