"""One provider's fine-tuning API through the `openai` package, one attempt a call.

Whoever calls decides when to ask again, so that a job that waits for a provider can still be cancelled.
Every answer is checked: the SDK builds its objects from whatever JSON arrives.
"""

import base64
import binascii
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import openai

from trainers.errors import NotNow
from trainers.forwarding.answers import meaning
from trainers.forwarding.mirroring import from_csv, from_events
from trainers.types import StepMetrics

TIMEOUT_S = 20.0
"""While a provider keeps a request waiting, a cancellation waits too."""
CANCEL_TIMEOUT_S = 5.0
UPLOAD_TIMEOUT_S = 900.0
MAX_JOBS_READ = 500
MAX_FILES_READ = 10_000
MAX_EVENTS_READ = 20_000
PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderJob:
    """What the provider says of a job."""

    id: str
    status: str
    model: str | None
    error_code: str | None
    error_message: str | None
    trained_tokens: int
    result_file: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Every method raises `NotNow`, `Gone` or `TrainingFailed`, as `trainers.forwarding.answers` reads the error."""

    client: openai.OpenAI = field(repr=False)
    clock: Callable[[], float] = time.time

    @classmethod
    def at(cls, base_url: str, api_key: str, clock: Callable[[], float]) -> "Provider":
        """The provider behind an address. The SDK retries nothing."""
        client = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0, timeout=TIMEOUT_S)
        return cls(client=client, clock=clock)

    def find_file(self, name: str) -> str | None:
        """The file of that name, which an earlier attempt uploaded."""
        with self._translated():
            listed = islice(self.client.files.list(purpose="fine-tune"), MAX_FILES_READ)
            return next((_text(file.id) for file in listed if file.filename == name), None)

    def upload(self, name: str, path: Path) -> str:
        """Upload a file of rows and return its id."""
        with self._translated(), path.open("rb") as file:
            made = self.client.files.create(
                file=(name, file, "application/jsonl"), purpose="fine-tune", timeout=UPLOAD_TIMEOUT_S
            )
            return _text(made.id)

    def find_job(self, training_file: str) -> ProviderJob | None:
        """The job that learns from a file of ours, which no other job does."""
        with self._translated():
            listed = islice(self.client.fine_tuning.jobs.list(limit=PAGE), MAX_JOBS_READ)
            return next((_job(one) for one in listed if one.training_file == training_file), None)

    def create_job(self, request: Mapping[str, Any]) -> ProviderJob:
        """Create a job with the SDK's own arguments."""
        with self._translated():
            return _job(self.client.fine_tuning.jobs.create(**request))

    def job(self, job_id: str) -> ProviderJob:
        """Where a job stands."""
        with self._translated():
            return _job(self.client.fine_tuning.jobs.retrieve(job_id))

    def metrics(self, job_id: str, *, after_step: int) -> tuple[StepMetrics, ...]:
        """Metrics that its events carry, of the steps after `after_step`, ascending."""
        with self._translated():
            events = islice(self.client.fine_tuning.jobs.list_events(job_id, limit=PAGE), MAX_EVENTS_READ)
            return from_events(events, after_step=after_step)

    def result(self, file_id: str) -> tuple[StepMetrics, ...]:
        """Metrics of a result file; OpenAI serves it as base64, others as it is."""
        with self._translated():
            data = self.client.files.content(file_id).read()
        with suppress(binascii.Error):  # else it is plain CSV
            data = base64.b64decode(data, validate=True)
        return from_csv(data)

    def cancel(self, job_id: str) -> None:
        """Stop a job."""
        with self._translated():
            self.client.fine_tuning.jobs.cancel(job_id, timeout=CANCEL_TIMEOUT_S)

    def delete_file(self, file_id: str) -> None:
        """Delete a file of ours."""
        with self._translated():
            self.client.files.delete(file_id)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except openai.APIError as exc:
            raise meaning(exc, now=self.clock()) from exc
        except (ValueError, TypeError, AttributeError) as exc:  # a body cut short, or of another shape
            raise NotNow(f"an answer that cannot be read ({type(exc).__name__})") from exc


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("an id that is no text")
    return value


def _job(made: Any) -> ProviderJob:
    tokens, results, error = made.trained_tokens, made.result_files, made.error
    return ProviderJob(
        id=_text(made.id),
        status=_text(made.status),
        model=made.fine_tuned_model if isinstance(made.fine_tuned_model, str) and made.fine_tuned_model else None,
        error_code=error.code if error is not None and isinstance(error.code, str) else None,
        error_message=error.message if error is not None and isinstance(error.message, str) else None,
        trained_tokens=tokens if isinstance(tokens, int) and tokens > 0 else 0,
        result_file=results[0] if isinstance(results, list) and results and isinstance(results[0], str) else None,
    )
