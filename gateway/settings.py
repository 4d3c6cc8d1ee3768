"""Where the gateway runs, read once from the environment. What is allowed is policy, not settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import urlsplit

from gateway.errors import SettingsError
from gateway.store.limits import Limits, Measure
from gateway.store.permissions import Permission, handed_out
from gateway.telemetry.logs import LogFormat

PREFIX = "TUNEGATE_"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, with its default; the variable is `TUNEGATE_` and the name in capitals."""

    home: Path
    """Directory of all state. Default `~/.tunegate`."""
    database_url: str
    """SQLAlchemy URL. Default: SQLite in `home`."""
    blob_url: str
    """fsspec URL. Default: `home/blobs`."""
    host: str
    port: int
    organization: str
    """Name of the organisation that projects are created in; a part of `ft:` names."""
    result_files_base64: bool
    """Serve result files as OpenAI does (base64 of the CSV), or as plain CSV when false."""
    strict_event_types: bool
    """Send `moderation_checks` events as `message`, for clients that refuse types their schema lacks. Default false."""
    upload_timeout_s: int
    """Seconds that the body of one request may take to come. Default six hours."""
    max_file_bytes: int
    """Largest upload. OpenAI's limit is 512 MB."""
    max_upload_bytes: int
    """Largest file that arrives in parts. OpenAI's limit is 8 GB."""
    max_body_bytes: int
    """Largest request body that is not an upload."""
    key_requests_per_minute: int
    """What one key may ask; 0 (the default, as of every limit) is no limit."""
    project_requests_per_minute: int
    """What all keys of a project may ask together."""
    upload_bytes_per_day: int
    """What a project may upload in a day (UTC)."""
    jobs_in_queue: int
    """Jobs of a project that have not ended."""
    key_tokens_per_minute: int
    """Tokens of chat, prompts and answers, of one key."""
    project_tokens_per_minute: int
    """The same of all keys of a project together."""
    project_jobs_at_once: int
    """Jobs of a project that workers have taken up."""
    gpu_seconds_per_month: int
    """Seconds of training and audits of a project."""
    screenings_per_day: int
    """Files of a project screened without training on them. Default 200."""
    details_per_hour: int
    """Screening and audit reports that one key may read in full. Default 120."""
    moderated_texts_per_hour: int
    """Texts that a project may have scored by `/v1/moderations`. Default 3000."""
    organization_policies: tuple[str, ...]
    """Policies that admin keys of an organisation may bind its projects to, besides `default`. Default: none."""
    organization_grants: frozenset[Permission]
    """What admin keys of an organisation may hand out, by names of roles and permissions. Default `reviewer`."""
    budget_per_month: int
    """What a project may spend at the prices below, in hundredths of the currency's unit."""
    price_per_million_tokens: float
    """In the currency's unit."""
    price_per_gpu_hour: float
    """In the currency's unit."""
    webhooks_allow_private: bool
    """Let webhooks reach private networks, and use plain http. Default false."""
    admitted_bases_only: bool
    """Whether a worker refuses to start with a base that was never audited on its own. Default false."""
    bases_file: Path
    """The admin's list of base models. Default `home/bases.toml`."""
    policy_file: Path
    """The admin's own policies. Default `home/policy.toml`."""
    log_heads_file: Path
    """Where heads of the decision log are published; keep it where those who can write the database
    cannot. Default `home/decisions.heads`."""
    log_heads_token: str
    """Bearer token for the addresses that policies name under `log.publish`. Default: none."""
    training_backend: str
    """The plug-in that trains what is not trained at a provider. Default `local`."""
    jobs_at_once: int
    """Jobs that one worker runs at the same time."""
    worker_id: str
    """Name of the embedded worker; the same after a restart, so that its jobs go on."""
    log_format: LogFormat
    """How a line of the log looks. Default `text`."""
    log_requests: bool
    """A line of the log for every request. Default true."""
    otlp_endpoint: str
    """OpenTelemetry collector that gets traces, e.g. `http://collector:4318`. Default: none."""
    worker_port: int
    """Port for a worker's `/healthz` and `/metrics`; 0 (the default) is none."""
    variables: Mapping[str, str]
    """Every `TUNEGATE_...` variable that is not empty, for the plug-ins."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read an environment. Raises `SettingsError` that names every variable that is wrong."""
        reader = _Reader(environ)
        home = Path(reader.text("HOME", "~/.tunegate")).expanduser().absolute()
        settings = cls(
            home=home,
            database_url=reader.text("DATABASE_URL", f"sqlite:///{home}/tunegate.db"),
            blob_url=reader.text("BLOB_URL", (home / "blobs").as_uri()),
            host=reader.text("HOST", "127.0.0.1"),
            port=reader.value("PORT", "8000", _integer(0, 65_535)),
            organization=reader.text("ORGANIZATION", "tunegate"),
            result_files_base64=reader.value("RESULT_FILES_BASE64", "true", _boolean),
            strict_event_types=reader.value("STRICT_EVENT_TYPES", "false", _boolean),
            upload_timeout_s=reader.value("UPLOAD_TIMEOUT_S", "21600", _integer(1, 1 << 31)),
            max_file_bytes=reader.value("MAX_FILE_BYTES", str(512 * 1024 * 1024), _integer(1, 1 << 40)),
            max_upload_bytes=reader.value("MAX_UPLOAD_BYTES", str(8 * 1024**3), _integer(1, 1 << 40)),
            max_body_bytes=reader.value("MAX_BODY_BYTES", str(16 * 1024 * 1024), _integer(1, 1 << 32)),
            key_requests_per_minute=reader.value("KEY_REQUESTS_PER_MINUTE", "0", _integer(0, 1 << 31)),
            project_requests_per_minute=reader.value("PROJECT_REQUESTS_PER_MINUTE", "0", _integer(0, 1 << 31)),
            upload_bytes_per_day=reader.value("UPLOAD_BYTES_PER_DAY", "0", _integer(0, 1 << 50)),
            jobs_in_queue=reader.value("JOBS_IN_QUEUE", "0", _integer(0, 1 << 31)),
            key_tokens_per_minute=reader.value("KEY_TOKENS_PER_MINUTE", "0", _integer(0, 1 << 40)),
            project_tokens_per_minute=reader.value("PROJECT_TOKENS_PER_MINUTE", "0", _integer(0, 1 << 40)),
            project_jobs_at_once=reader.value("PROJECT_JOBS_AT_ONCE", "0", _integer(0, 1 << 31)),
            gpu_seconds_per_month=reader.value("GPU_SECONDS_PER_MONTH", "0", _integer(0, 1 << 40)),
            screenings_per_day=reader.value("SCREENINGS_PER_DAY", "200", _integer(0, 1 << 31)),
            details_per_hour=reader.value("DETAILS_PER_HOUR", "120", _integer(0, 1 << 31)),
            moderated_texts_per_hour=reader.value("MODERATED_TEXTS_PER_HOUR", "3000", _integer(0, 1 << 31)),
            organization_policies=_names(reader.text("ORGANIZATION_POLICIES", "")),
            organization_grants=reader.value("ORGANIZATION_GRANTS", "reviewer", _grants),
            budget_per_month=reader.value("BUDGET_PER_MONTH", "0", _integer(0, 1 << 40)),
            price_per_million_tokens=reader.value("PRICE_PER_MILLION_TOKENS", "0", _price),
            price_per_gpu_hour=reader.value("PRICE_PER_GPU_HOUR", "0", _price),
            webhooks_allow_private=reader.value("WEBHOOKS_ALLOW_PRIVATE", "false", _boolean),
            admitted_bases_only=reader.value("ADMITTED_BASES_ONLY", "false", _boolean),
            bases_file=Path(reader.text("BASES_FILE", str(home / "bases.toml"))).expanduser(),
            policy_file=Path(reader.text("POLICY_FILE", str(home / "policy.toml"))).expanduser(),
            log_heads_file=Path(reader.text("LOG_HEADS_FILE", str(home / "decisions.heads"))).expanduser(),
            log_heads_token=reader.text("LOG_HEADS_TOKEN", ""),
            training_backend=reader.text("TRAINING_BACKEND", "local"),
            jobs_at_once=reader.value("JOBS_AT_ONCE", "2", _integer(1, 64)),
            worker_id=reader.text("WORKER_ID", "embedded"),
            log_format=reader.value("LOG_FORMAT", "text", _log_format),
            log_requests=reader.value("LOG_REQUESTS", "true", _boolean),
            otlp_endpoint=reader.value("OTLP_ENDPOINT", "", _endpoint),
            worker_port=reader.value("WORKER_PORT", "0", _integer(0, 65_535)),
            variables={name: value for name, value in environ.items() if name.startswith(PREFIX) and value},
        )
        if reader.mistakes:
            raise SettingsError("; ".join(reader.mistakes))
        return settings

    @property
    def limits(self) -> Limits:
        """What keys and projects may use where they have no limits of their own."""
        return Limits(
            of_keys={
                Measure.REQUESTS: self.key_requests_per_minute,
                Measure.TOKENS: self.key_tokens_per_minute,
                Measure.DETAILS: self.details_per_hour,
            },
            of_projects={
                Measure.REQUESTS: self.project_requests_per_minute,
                Measure.TOKENS: self.project_tokens_per_minute,
                Measure.UPLOAD_BYTES: self.upload_bytes_per_day,
                Measure.SCREENINGS: self.screenings_per_day,
                Measure.MODERATIONS: self.moderated_texts_per_hour,
                Measure.JOBS_AT_ONCE: self.project_jobs_at_once,
                Measure.JOBS_IN_QUEUE: self.jobs_in_queue,
                Measure.GPU_SECONDS: self.gpu_seconds_per_month,
                Measure.BUDGET: self.budget_per_month,
            },
            price_per_million_tokens=self.price_per_million_tokens,
            price_per_gpu_hour=self.price_per_gpu_hour,
        )

    def plugin_config(self, name: str) -> Mapping[str, str]:
        """The settings of one plug-in: `TUNEGATE_OMNI_BASE_URL` is `base_url` to the plug-in `omni`."""
        start = f"{PREFIX}{name.upper()}_"
        return {key[len(start) :].lower(): value for key, value in self.variables.items() if key.startswith(start)}


class _Reader:
    """Reads variables with defaults and collects the mistakes."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.mistakes: list[str] = []

    def text(self, name: str, default: str) -> str:
        return self._environ.get(PREFIX + name) or default

    def value(self, name: str, default: str, parse: Callable[[str], T]) -> T:
        text = self.text(name, default)
        try:
            return parse(text)
        except ValueError as exc:
            self.mistakes.append(f"{PREFIX}{name} is '{text}'; expected {exc}")
            return parse(default)


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError(f"an integer from {low} to {high}")
        return int(text)

    return parse


def _names(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _grants(text: str) -> frozenset[Permission]:
    return handed_out(_names(text))


def _price(text: str) -> float:
    try:
        found = float(text)
    except ValueError as exc:
        raise ValueError("a number from 0") from exc
    if not 0 <= found < 1e9:
        raise ValueError("a number from 0")
    return found


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("a URL, e.g. http://collector:4318")
    return text


def own_directory(home: Path) -> None:
    """Make a home, for its owner only. Raises `SettingsError` where that cannot be."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise SettingsError(
            f"{home} cannot be made ({exc.strerror}); set TUNEGATE_HOME to a directory of yours"
        ) from exc


def _log_format(text: str) -> LogFormat:
    try:
        return LogFormat(text.lower())
    except ValueError as exc:
        raise ValueError(" or ".join(LogFormat)) from exc


def _boolean(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("true or false")
