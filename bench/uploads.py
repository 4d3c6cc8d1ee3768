"""Upload and validation of a chat file, by a real API process over a socket, against `json.loads` line by line.

A file of 512 MB, or of as many as `python -m bench.uploads MB` says. Files are checked while they
arrive; what was not (a check that fell behind) is read again from the store, as a worker would, and that
counts too. Rates are of wall time: keep the machine quiet.
"""

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from bench.measure import Measure, machine
from bench.screening import MadeRows
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import files, tenants
from gateway.store.files import blob_key
from moderation.formats.checking import recalled
from moderation.formats.parsing import parse

MB = 512
ROUNDS = 3
GOAL, MAX_GROWTH_MB = 2.0, 32.0
_BOUNDARY = "bench"
_HEAD = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--{_BOUNDARY}\r\n'
    'Content-Disposition: form-data; name="file"; filename="chat.jsonl"\r\n\r\n'
).encode()
_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gateway:
    """An API process of an installation of its own."""

    process: "subprocess.Popen[bytes]"
    port: int
    key: str
    project_id: str
    store: Store

    def upload(self, path: Path) -> str:
        """Send a file; return its id."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.putrequest("POST", "/v1/files")
        connection.putheader("Authorization", f"Bearer {self.key}")
        connection.putheader("Content-Type", f"multipart/form-data; boundary={_BOUNDARY}")
        connection.putheader("Content-Length", str(len(_HEAD) + path.stat().st_size + len(_TAIL)))
        connection.endheaders(_HEAD)
        with path.open("rb") as stream:
            connection.sock.sendfile(stream)
        connection.send(_TAIL)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != http.client.OK:
            raise RuntimeError(f"the upload was answered with {answer.status}: {body}")
        return str(body["id"])

    def validate(self, file_id: str) -> int:
        """Check every row of a stored file, if nobody did; return how many there are."""
        key = blob_key(self.project_id, file_id)
        stored = cast(Callable[[], BinaryIO], partial(self.store.blobs.open, key))
        with self.store.database.read() as session:
            facts = files.checked(session, key)
        return (recalled(stored, facts) or parse(stored)).n_examples

    def peak_mb(self) -> float:
        """The most memory that the API process ever held."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


@contextmanager
def _gateway(home: Path) -> Iterator[_Gateway]:
    env = os.environ | {"TUNEGATE_HOME": str(home)}
    create = [sys.executable, "-m", "gateway.cli", "keys", "create", "--project", "bench", "--json"]
    made = json.loads(subprocess.run(create, env=env, check=True, capture_output=True, text=True).stdout)
    store = Store.open(Settings.read(env))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = ["--fd", str(listener.fileno()), "--parent", str(os.getpid())]
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.api_process", *arguments],
            env=env,
            pass_fds=[listener.fileno()],
            stderr=subprocess.DEVNULL,
        )
        try:
            with store.database.read() as session:
                project_id = tenants.named_project(session, "bench").id
            yield _Gateway(
                process=process,
                port=listener.getsockname()[1],
                key=made["key"],
                project_id=project_id,
                store=store,
            )
        finally:
            process.terminate()
            process.wait()


def _line_by_line(path: Path) -> None:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            json.loads(line)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measures(mb: int = MB) -> list[Measure]:
    """Rates of upload with validation and of each alone, and what the upload costs the API process in memory."""
    with tempfile.TemporaryDirectory() as home, _gateway(Path(home)) as gateway:
        small, path = Path(home) / "small.jsonl", Path(home) / "chat.jsonl"
        small.write_bytes(MadeRows(2_000).read())
        path.write_bytes(MadeRows(mb * 1_000_000 // 455).read())
        os.sync()  # what is made here is not written to the disk beside what is measured
        gateway.upload(small)
        before_mb = gateway.peak_mb()
        loads, uploads, validations = [], [], []
        for _ in range(ROUNDS):
            loads.append(_timed(partial(_line_by_line, path)))
            began = time.perf_counter()
            file_id = gateway.upload(path)
            uploads.append(time.perf_counter() - began)
            validations.append(_timed(partial(gateway.validate, file_id)))
        whole = [sum(both) for both in zip(uploads, validations, strict=True)]
        growth_mb = gateway.peak_mb() - before_mb
        size = path.stat().st_size / 1e6
    rate = f"{size / statistics.median(loads):.0f} MB/s"
    return [
        _rate(f"upload and validation of {size:.0f} MB", size, whole, loads, rate, goal=GOAL),
        _rate(f"upload of {size:.0f} MB alone", size, uploads, loads, rate),
        _rate(f"what is left to validate of {size:.0f} MB", size, validations, loads, rate),
        Measure(
            name=f"memory that uploads of {size:.0f} MB add to the API process",
            value=growth_mb,
            unit="MB",
            rival=f"limit of {MAX_GROWTH_MB:g} MB; {before_mb:.0f} MB before",
            ratio=growth_mb / MAX_GROWTH_MB,
            goal="at most 1",
            met=growth_mb <= MAX_GROWTH_MB,
            machine=machine(),
        ),
    ]


def _rate(name: str, mb: float, taken: Sequence[float], loads: Sequence[float], rate: str, goal: float = 0) -> Measure:
    ratio = statistics.median(theirs / ours for theirs, ours in zip(loads, taken, strict=True))
    return Measure(
        name=name,
        value=mb / statistics.median(taken),
        unit="MB/s",
        rival=f"json.loads line by line, {rate}",
        ratio=ratio,
        goal=f"at least {goal:g}" if goal else "printed",
        met=ratio >= goal,
        machine=machine(),
    )


if __name__ == "__main__":
    for measure in measures(*map(int, sys.argv[1:])):
        print(
            f"{measure['name']}: {measure['value']:.3g} {measure['unit']}, {measure['ratio']:.2f} of {measure['rival']}"
        )
