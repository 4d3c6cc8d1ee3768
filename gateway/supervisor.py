"""`tunegate serve`: one API process and, unless it runs elsewhere, one worker; restarted when they crash, ended
when this ends.

This process binds the port, so that an API process that is restarted loses no connection, and
imports nothing heavy.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from gateway.children import hold
from gateway.compose.checks import policies
from gateway.compose.store import Store
from gateway.errors import SettingsError
from gateway.settings import Settings
from gateway.store import engines
from gateway.store.errors import DatabaseUnavailable

CANNOT_START = 2
"""Exit status of a child that must not be restarted: it has said why."""
LOOK_S = 0.1
STOP_GRACE_S = 10.0
QUICK_S = 10.0
"""A child that ends sooner after its start crashed on start."""
MAX_QUICK = 4
"""So many such crashes in a row and the supervisor gives up."""


@dataclass(slots=True, kw_only=True)
class Child:
    """A process that is kept running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    fds: tuple[int, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    n_quick: int = 0

    def start(self) -> None:
        """Start it."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            self.command, env=dict(self.environment), pass_fds=self.fds, stdin=subprocess.DEVNULL
        )

    def stop(self) -> None:
        """Ask it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, timeout_s: float) -> None:
        """Wait for its end, and enforce it."""
        if self.process is None:
            return
        try:
            self.process.wait(timeout=max(timeout_s, 0.1))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Keeps the children of one installation running until a signal."""

    store: Store
    listener: socket.socket
    children: tuple[Child, ...]
    say: Callable[[str], None]
    stopping: bool = field(default=False)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        began_at = self.store.now()
        for child in self.children:
            child.start()
        ready = False
        try:
            while not self.stopping:
                status = self._tend()
                if status is not None:
                    return status
                if not ready and self._ready(began_at):
                    ready = True
                    self.say(f"tunegate is ready at {self.url}")
                time.sleep(LOOK_S)
            return 0
        finally:
            self._end()

    @property
    def url(self) -> str:
        """Base URL for clients."""
        host, port = self.listener.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _tend(self) -> int | None:
        """Restart what ended; an exit status when it makes no sense to go on."""
        for child in self.children:
            assert child.process is not None
            status = child.process.poll()
            if status is None or self.stopping:
                continue
            if status == CANNOT_START:
                return CANNOT_START
            child.n_quick = child.n_quick + 1 if time.monotonic() - child.started_at < QUICK_S else 0
            if child.n_quick >= MAX_QUICK:
                self.say(f"the {child.name} process ends again and again (last with {status}); see its log above")
                return 1
            child.start()
        return None

    def _ready(self, began_at: int) -> bool:
        """Whether the API answers and the worker has signed on since this start."""
        if len(self.children) == 1:  # the worker runs elsewhere; `/readyz` says whether it does
            return _answers(self.listener)
        try:
            with self.store.database.read() as session:
                workers = engines.living(session, since=began_at)
        except DatabaseUnavailable:
            return False
        signed_on = any(worker.started_at >= began_at and worker.moderation_address for worker in workers)
        return signed_on and _answers(self.listener)

    def _end(self) -> None:
        for child in self.children:
            child.stop()
        deadline = time.monotonic() + STOP_GRACE_S
        for child in self.children:
            child.wait(deadline - time.monotonic())
        self.listener.close()


def serve(
    settings: Settings, environment: Mapping[str, str], say: Callable[[str], None], *, api_only: bool = False
) -> int:
    """Run an installation, or only its API. Raises a `TunegateError` when it cannot start."""
    with hold(settings.home / "serve.lock", "serving from this home", "use another TUNEGATE_HOME"):
        store = Store.open(settings)
        policies(settings)  # a mistake in a policy is told here, before anything is started
        listener = _bind(settings.host, settings.port)
        children = _children(listener.fileno(), {**environment, "TUNEGATE_HOME": str(settings.home)})
        return Supervisor(store=store, listener=listener, children=children[: 1 if api_only else 2], say=say).run()


def _children(fd: int, environment: Mapping[str, str]) -> tuple[Child, ...]:
    parent = ("--parent", str(os.getpid()))
    api = (sys.executable, "-m", "gateway.api_process", "--fd", str(fd), *parent)
    worker = (sys.executable, "-m", "gateway.worker_process", *parent)
    return (
        Child(name="API", command=api, environment=environment, fds=(fd,)),
        Child(name="worker", command=worker, environment=environment),
    )


def _bind(host: str, port: int) -> socket.socket:
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as exc:
        if listener is not None:
            listener.close()
        raise SettingsError(
            f"cannot listen on {host}:{port} ({exc.strerror}); choose another --host or --port"
        ) from exc
    return listener


def _answers(listener: socket.socket) -> bool:
    """Whether an API process takes requests from the port."""
    host, port = listener.getsockname()[:2]
    try:
        with socket.create_connection((host, port), timeout=1.0) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: tunegate\r\nConnection: close\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False
