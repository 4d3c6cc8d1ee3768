"""Ray's job server, over its documented HTTP API; so the gateway itself needs no Ray.

Source: https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import httpx

from trainers.errors import NotNow, TrainingFailed

TIMEOUT_S = 30.0


class Phase(StrEnum):
    """What the cluster says of an attempt."""

    ALIVE = "alive"
    """Waiting for room, or running."""
    OVER = "over"
    """Ended, in whatever way, or not known any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one attempt takes of the cluster; 0 of what it does not need."""

    n_cpus: float
    n_gpus: float
    memory_bytes: int
    resources: Mapping[str, float]
    """Custom resources of the nodes it may run on, e.g. `{"a100": 1}`."""

    def of_a_worker(self) -> dict[str, float]:
        """The same by Ray's own names."""
        own = {"CPU": self.n_cpus, "GPU": self.n_gpus, "memory": float(self.memory_bytes)}
        return {name: n for name, n in (own | dict(self.resources)).items() if n}


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Workers that train one run together under Ray Train."""

    n_workers: int
    sharded: bool
    """Each holds a part of weights, gradients and optimizer (FSDP) instead of all of them (DDP)."""
    resources: Mapping[str, float]
    """Of the cluster that each worker takes, by Ray's names: `{"CPU": 1, "GPU": 1}`."""

    def to_json(self) -> str:
        """One argument of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Team":
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Standing:
    """The phase of an attempt, and the cluster's own word for how it ended."""

    phase: Phase
    message: str = ""


class JobServer:
    """Raises `NotNow` when the server does not answer, or not so that it can be read."""

    def __init__(self, address: str, *, token: str = "") -> None:
        """`address` is the dashboard's, `http://head:8265`; `token` that of a cluster with `RAY_AUTH_MODE=token`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_S)

    def submit(self, name: str, command: str, needs: Needs, environment: Mapping[str, str]) -> None:
        """Queue a command under a name of its own; nothing when the name is known already.

        Raises `TrainingFailed` (`cluster_refused`) when the server refuses it for good.
        """
        if self.standing(name).message != _UNKNOWN:
            return
        asked = {
            "entrypoint": command,
            "submission_id": name,
            "runtime_env": {"env_vars": dict(environment)},
            "entrypoint_num_cpus": needs.n_cpus,
            "entrypoint_num_gpus": needs.n_gpus,
            "entrypoint_memory": needs.memory_bytes,
            "entrypoint_resources": dict(needs.resources),
        }
        answer = self._ask("POST", "/api/jobs/", json={key: value for key, value in asked.items() if value})
        if answer.is_success or self.standing(name).message != _UNKNOWN:
            return
        if answer.is_server_error:
            raise NotNow(f"the cluster's job server answered {answer.status_code} to a submission")
        raise TrainingFailed(
            "cluster_refused", f"The cluster refused the run with status {answer.status_code}; ask its operator."
        )

    def standing(self, name: str) -> Standing:
        """Where the attempt of that name stands."""
        answer = self._ask("GET", f"/api/jobs/{name}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return Standing(Phase.OVER, _UNKNOWN)
        try:
            details: dict[str, Any] = answer.raise_for_status().json()
            status = details["status"]
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError) as exc:
            raise NotNow(f"the cluster's job server gave no readable answer ({type(exc).__name__})") from exc
        if status in _ALIVE:
            return Standing(Phase.ALIVE)
        return Standing(Phase.OVER, f"{status}: {details.get('error_type') or 'no reason given'}")

    def alive(self, prefix: str) -> tuple[str, ...]:
        """Names of the attempts that begin so and may still do something."""
        answer = self._ask("GET", "/api/jobs/")
        try:
            listed = [(one.get("submission_id") or "", one["status"]) for one in answer.raise_for_status().json()]
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise NotNow(f"the cluster's job server gave no readable list ({type(exc).__name__})") from exc
        return tuple(name for name, status in listed if name.startswith(prefix) and status in _ALIVE)

    def stop(self, name: str) -> None:
        """Have the attempt end within seconds; nothing when it is not known."""
        answer = self._ask("POST", f"/api/jobs/{name}/stop")
        if answer.is_server_error:
            raise NotNow(f"the cluster's job server answered {answer.status_code} when told to stop")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _ask(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **kwargs)
        except httpx.HTTPError as exc:
            raise NotNow(f"the cluster's job server does not answer ({type(exc).__name__})") from exc


_ALIVE = ("PENDING", "RUNNING")
_UNKNOWN = "the cluster does not know it"
