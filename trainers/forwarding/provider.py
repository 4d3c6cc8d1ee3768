"""One provider's fine-tuning API through the `openai` package, one attempt a call.

Whoever calls decides when to ask again, so that a job that waits for a provider can still be cancelled.
Every answer is checked: the SDK builds its objects from whatever JSON arrives.
"""

import base64
import binascii
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import openai

from trainers.errors import NotNow, TrainingFailed
from trainers.forwarding.answers import meaning
from trainers.forwarding.deploying import Azure, Deployments
from trainers.forwarding.mirroring import News, from_csv, from_events
from trainers.hosted import Address
from trainers.types import StepMetrics

TIMEOUT_S = 20.0
"""While a provider keeps a request waiting, a cancellation waits too."""
CANCEL_TIMEOUT_S = 5.0
UPLOAD_TIMEOUT_S = 900.0
MAX_JOBS_READ = 500
MAX_FILES_READ = 10_000
MAX_EVENTS_READ = 20_000
PAGE = 100
UNDATED = frozenset({"v1", "preview"})
"""Versions of Azure's API that answer below `/openai/v1`; dated ones answer below `/openai`."""
AZURES = {"pending": "queued", "notrunning": "queued", "created": "queued", "canceled": "cancelled"}
"""Azure's own states of a job as OpenAI's; how they are written differs between versions of its API."""
NOT_YET = frozenset({"pending", "running", "notrunning"})
"""States of a file that Azure has not imported."""
NO_AZURE = (
    "base_model_unusable",
    (
        "The base model lies at Azure, where what is tuned has to be deployed; the operator sets "
        "TUNEGATE_UPSTREAM_AZURE_RESOURCE, _TENANT_ID, _CLIENT_ID and _CLIENT_SECRET."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderJob:
    """What the provider says of a job."""

    id: str
    status: str
    """OpenAI's word for it, where there is one."""
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
    azure: Azure | None = None
    deployments: Deployments | None = None

    @classmethod
    def at(cls, where: Address, api_key: str, clock: Callable[[], float], azure: Azure | None = None) -> "Provider":
        """The provider behind an address; the SDK retries nothing. Raises `TrainingFailed` for Azure unset."""
        # The SDK's own follows redirects, which would take rows and key elsewhere.
        http = openai.DefaultHttpxClient(follow_redirects=False, timeout=TIMEOUT_S)
        if not where.api_version:
            client = openai.OpenAI(base_url=where.base_url, api_key=api_key, max_retries=0, http_client=http)
            weakref.finalize(client, http.close)
            return cls(client=client, clock=clock)
        if azure is None:
            raise TrainingFailed(*NO_AZURE)
        base_url = where.base_url if where.api_version in UNDATED else where.base_url.removesuffix("/v1")
        client = openai.AzureOpenAI(
            base_url=base_url, api_key=api_key, api_version=where.api_version, max_retries=0, http_client=http
        )
        weakref.finalize(client, http.close)
        return cls(client=client, clock=clock, azure=azure, deployments=Deployments(azure, clock))

    def files_named(self, prefix: str) -> dict[str, str]:
        """Names of the files that begin so, by id: what earlier attempts uploaded."""
        with self._translated():
            listed = islice(self.client.files.list(purpose="fine-tune"), MAX_FILES_READ)
            return {_text(file.id): file.filename for file in listed if str(file.filename).startswith(prefix)}

    def is_imported(self, file_id: str) -> bool:
        """Whether a job may be made of a file. Raises `TrainingFailed` when the provider cannot read it."""
        if self.azure is None:
            return True
        with self._translated():
            status = str(self.client.files.retrieve(file_id).status).lower()
        if status in ("error", "failed", "deleted"):
            raise TrainingFailed(
                "upstream_refused",
                f"The provider could not import the training set (state {status}). Create the job again, or ask the "
                "operator to look there.",
            )
        return status not in NOT_YET

    def upload(self, name: str, path: Path) -> str:
        """Upload a file of rows and return its id."""
        with self._translated(), path.open("rb") as file:
            made = self.client.files.create(
                file=(name, file, "application/jsonl"), purpose="fine-tune", timeout=UPLOAD_TIMEOUT_S
            )
            return _text(made.id)

    def jobs_on(self, training_files: Collection[str]) -> Iterator[ProviderJob]:
        """The jobs that learn from files of ours, which no other jobs do."""
        with self._translated():
            listed = islice(self.client.fine_tuning.jobs.list(limit=PAGE), MAX_JOBS_READ)
            yield from (_job(one) for one in listed if one.training_file in training_files)

    def create_job(self, request: Mapping[str, Any]) -> ProviderJob:
        """Create a job with the SDK's own arguments."""
        # Azure says that the base cannot be tuned where its kind of training is not named.
        more = None if self.azure is None else {"trainingType": self.azure.training_type}
        with self._translated():
            return _job(self.client.fine_tuning.jobs.create(**request, extra_body=more))

    def deployed(self, model: str, name: str) -> str | None:
        """What a tuned model is asked as: itself, or on Azure `name`, and None for as long as it is not deployed."""
        if self.deployments is None:
            return model
        return name if self.deployments.deploy(name, model) else None

    def job(self, job_id: str) -> ProviderJob:
        """Where a job stands."""
        with self._translated():
            return _job(self.client.fine_tuning.jobs.retrieve(job_id))

    def news(self, job_id: str, *, after_step: int, known: Collection[str]) -> News:
        """What its events say of the steps after `after_step`, and in words that are not `known`."""
        with self._translated():
            events = islice(self.client.fine_tuning.jobs.list_events(job_id, limit=PAGE), MAX_EVENTS_READ)
            return from_events(events, after_step=after_step, known=known)

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

    def delete_model(self, model: str) -> None:
        """Delete a model that was tuned for us."""
        with self._translated():
            self.client.models.delete(model)

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
    tokens, results, error, status = made.trained_tokens, made.result_files, made.error, _text(made.status).lower()
    return ProviderJob(
        id=_text(made.id),
        status=AZURES.get(status, status),
        model=made.fine_tuned_model if isinstance(made.fine_tuned_model, str) and made.fine_tuned_model else None,
        error_code=error.code if error is not None and isinstance(error.code, str) else None,
        error_message=error.message if error is not None and isinstance(error.message, str) else None,
        trained_tokens=tokens if isinstance(tokens, int) and tokens > 0 else 0,
        result_file=results[0] if isinstance(results, list) and results and isinstance(results[0], str) else None,
    )
