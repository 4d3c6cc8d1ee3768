"""`python -m bench.chat`: what a request costs each process, and the load generator, in processor time."""

import time

from bench.chat.figures import CONNECTIONS
from bench.chat.load import ask
from bench.chat.rivals import running

SECONDS = 2.0


def main() -> None:
    """Ask each for a while and print."""
    with running() as (rivals, _):
        for connections in CONNECTIONS:
            for name, rival in rivals.items():
                ask(rival.target, connections=connections, seconds=0.3)
                cpu_s, mine_s = rival.cpu_s(), time.process_time()
                tally = ask(rival.target, connections=connections, seconds=SECONDS)
                n = len(tally.latencies_s) / 1e3
                cpu_ms, mine_ms = (rival.cpu_s() - cpu_s) / n, (time.process_time() - mine_s) / n
                print(
                    f"{connections:3d} {name:8s} {tally.rate:8.0f}/s  p50 {tally.quantile(0.5) * 1e3:7.2f} ms  "
                    f"p99 {tally.quantile(0.99) * 1e3:7.2f} ms  {cpu_ms:.3f} ms a request, generator {mine_ms:.3f} ms, "
                    f"{rival.memory_mb():.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
