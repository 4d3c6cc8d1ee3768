"""What `make bench` makes of chat: the load generator against the instant upstream, and the figures."""

import socket
import subprocess
import sys
import time
from pathlib import Path

from bench.chat import figures
from bench.chat.instant import ANSWER
from bench.chat.load import Tally, Target, ask
from bench.chat.rivals import Missing


def test_the_generator_asks_again_as_soon_as_it_was_answered(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bench.chat.instant", "--port", str(port), "--uds", str(tmp_path / "e.sock")]
    with subprocess.Popen(command) as upstream:
        deadline = time.monotonic() + 30
        while not (tmp_path / "e.sock").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.1)
        tally = ask(Target(name="direct", port=port, body=b"{}"), connections=3, seconds=0.1)
        upstream.terminate()
    assert len(tally.latencies_s) > 3
    assert b'"total_tokens": 21' in ANSWER


def test_figures_are_medians_of_ratios_within_a_round() -> None:
    def tallies(*rates: int) -> list[Tally]:
        return [Tally(seconds=1.0, latencies_s=(1 / rate,) * rate) for rate in rates]

    found = {("gateway", 1): tallies(100, 10, 50), ("aiohttp", 1): tallies(200, 10, 100)}
    rate = figures._rate(found, 1, "aiohttp", "it", 0.7)
    assert (rate["ratio"], rate["value"], rate["met"]) == (0.5, 50, False)
    found["direct", 1] = tallies(1_000, 1_000, 1_000)
    added = figures._added(found, 1, 0.5)
    assert (round(added["value"]), added["met"]) == (19, False)


def test_a_rival_that_cannot_be_had_is_said_and_not_met() -> None:
    found = {("gateway", 1): [Tally(seconds=1.0, latencies_s=(0.1,))]}
    measure = figures._no_litellm(found, 1, Missing(why="no network"))
    assert (measure["met"], "no network" in measure["rival"]) == (False, True)
