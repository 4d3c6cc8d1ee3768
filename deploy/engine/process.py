"""Starting an engine as a subprocess, telling it what to load, and stopping it."""

import http.client
import json
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from deploy.engine.launching import EngineLimits, EngineMode, command, environment, relay_command
from deploy.errors import EngineRefused, EngineUnavailable, NotReleased
from deploy.types import TrustedBase, UpstreamServer, VllmServer
from evaluators.probes.types import Readings
from moderation.chat.openai_compatible import OpenAICompatibleChat
from moderation.errors import SealBroken

__all__ = ["EngineLimits", "EngineMode", "EngineProcess"]

LOG_TAIL_BYTES = 2_000
READING_TIMEOUT_S = 600.0
START_S = 120.0
READ_BYTES_PER_S = 50e6
"""What a slow disk gives."""
DEFAULT_LIMITS = EngineLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineProcess:
    """A running engine, or a relay in its place. It ends with this process, however this process ends."""

    base: TrustedBase
    mode: EngineMode
    socket: str
    """Path of its Unix socket, in a directory that only this user can enter."""
    secret: str
    log: Path
    _process: "subprocess.Popen[bytes]" = field(repr=False)

    @classmethod
    def start(
        cls,
        base: TrustedBase,
        mode: EngineMode,
        *,
        log: Path,
        deployment_key: bytes | None = None,
        server: VllmServer | UpstreamServer | None = None,
        limits: EngineLimits = DEFAULT_LIMITS,
        timeout_s: float | None = None,
    ) -> "EngineProcess":
        """Start an engine, or a relay before another `server`, and wait until it answers.

        `log` receives its output. What serves needs the `deployment_key`; a relay only serves. Without
        `timeout_s` it is waited for as long as its base may take to be read. Raises EngineUnavailable with
        the end of the log when it ends or is not ready in time.
        """
        if server is not None and mode is not EngineMode.SERVING:
            raise ValueError("a relay serves released models only; candidates are audited in an engine of our own")
        if mode is EngineMode.SERVING and deployment_key is None:
            raise ValueError("a serving engine needs the deployment key to verify attestations with")
        # Not below the home: a socket's path may have 107 bytes at most.
        home = Path(tempfile.mkdtemp(prefix="tunegate-"))
        path = str(home / "engine.sock")
        secret = secrets.token_hex(32)
        with log.open("ab") as output:
            process = subprocess.Popen(
                command(base, mode, path, limits) if server is None else relay_command(base, server, path, limits),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(base, limits),
                start_new_session=True,
            )
        engine = cls(base=base, mode=mode, socket=path, secret=secret, log=log, _process=process)
        given = {
            "secret": secret,
            "deployment_key": deployment_key.hex() if deployment_key else None,
            "api_key": server.api_key if server else None,
        }
        try:
            engine._say(json.dumps(given).encode() + b"\n")
            engine._await_ready(timeout_s or (patience_s(base.path) if server is None else START_S))
        except BaseException:
            engine.stop()
            raise
        return engine

    @property
    def pid(self) -> int:
        """Of the subprocess."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it runs and answers within ten seconds (a busy machine is slow, not dead)."""
        try:
            return self._process.poll() is None and self._call("GET", "/healthz", None, timeout_s=10.0)[0] == 200
        except EngineUnavailable:
            return False

    def models(self) -> tuple[str, ...]:
        """Names it serves, the base's first."""
        return tuple(model["id"] for model in self._done("GET", "/v1/models", None)["data"])

    def load(self, name: str, path: str, digest: str) -> None:
        """Have it serve an adapter or a whole tuning of its base under a name.

        `path` is the sealed directory, `digest` that of its manifest. Loading a name again replaces
        it. Raises SealBroken, NotReleased or EngineRefused as the engine found, EngineUnavailable when
        it does not answer.
        """
        wanted = {"lora_name": name, "lora_path": path, "digest": digest}
        self._done("POST", "/v1/load_lora_adapter", wanted, timeout_s=patience_s(path))

    def unload(self, name: str) -> None:
        """Have it forget a name; an unknown one is no error."""
        status, body = self._call("POST", "/v1/unload_lora_adapter", {"lora_name": name})
        if status not in (200, 404):
            raise _failure(status, body)

    def readings(self, model: str, harmful: Sequence[str], benign: Sequence[str]) -> Readings:
        """What a loaded model's weights say beside its base's, on bare requests; no reply is generated.

        Raises EngineRefused for a name that is no candidate's, EngineUnavailable when it does not answer.
        """
        status, body = self._call(
            "POST",
            "/v1/readings",
            {"model": model, "harmful": list(harmful), "benign": list(benign)},
            timeout_s=READING_TIMEOUT_S,
        )
        if status != 200:
            raise _failure(status, body)
        return Readings(**orjson.loads(body))

    def chat(self, model: str, *, max_concurrency: int = 384, timeout_s: float = 600.0) -> OpenAICompatibleChat:
        """The model under a name, as everybody else talks to models."""
        return OpenAICompatibleChat(
            base_url="http://engine/v1",
            api_key=self.secret,
            model=model,
            uds=self.socket,
            max_concurrency=max_concurrency,
            timeout_s=timeout_s,
        )

    def stop(self) -> None:
        """End it; in-flight requests fail. Safe to call twice."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(Path(self.socket).parent, ignore_errors=True)

    def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError as exc:
            raise EngineUnavailable(f"the engine ended at once; {self._tail()}") from exc

    def _await_ready(self, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if self._process.poll() is not None:
                raise EngineUnavailable(f"the engine ended with status {self._process.returncode}; {self._tail()}")
            if Path(self.socket).exists() and self.alive():
                return
            time.sleep(0.05)
        raise EngineUnavailable(f"the engine was not ready after {timeout_s:g} s; {self._tail()}")

    def _tail(self) -> str:
        return f"its log ends: {self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors='replace').strip()}"

    def _done(
        self, method: str, path: str, body: Mapping[str, object] | None, *, timeout_s: float = START_S
    ) -> dict[str, list[dict[str, str]]]:
        status, answer = self._call(method, path, body, timeout_s=timeout_s)
        if status != 200:
            raise _failure(status, answer)
        parsed: dict[str, list[dict[str, str]]] = orjson.loads(answer)
        return parsed

    def _call(
        self, method: str, path: str, body: Mapping[str, object] | None, *, timeout_s: float = START_S
    ) -> tuple[int, bytes]:
        connection = _UnixConnection(self.socket, timeout_s)
        try:
            connection.request(
                method,
                path,
                body=orjson.dumps(body) if body is not None else None,
                headers={"Authorization": f"Bearer {self.secret}"},
            )
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as exc:
            raise EngineUnavailable(f"the engine does not answer ({type(exc).__name__}); {self._tail()}") from exc
        finally:
            connection.close()


def patience_s(directory: str) -> float:
    """How long a model's files may take to be read, for their digest and into memory. What ends is noticed at once."""
    size = sum(file.stat().st_size for file in Path(directory).rglob("*") if file.is_file())
    return START_S + 2 * size / READ_BYTES_PER_S


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket: only the way of connecting differs."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("engine", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _failure(status: int, body: bytes) -> Exception:
    """The error that the engine met, as it was raised over there."""
    try:
        error = orjson.loads(body)["error"]
        message, code, param = str(error["message"]), error.get("code"), error.get("param")
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return EngineUnavailable(f"the engine answered with status {status} and no readable error")
    if code == "not_released":
        return NotReleased(message)
    if code == "seal_broken":
        return SealBroken(message)
    return EngineUnavailable(message) if status >= 500 else EngineRefused(message, param=param)
