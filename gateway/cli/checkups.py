"""What `doctor` looks at on the machine and around it; each check says what it found, or raises with the mend."""

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from sqlalchemy import func, select

from deploy.signing import public_key
from gateway import admissions
from gateway.bases import base_names, read_bases, read_entries, read_servers
from gateway.compose import asked
from gateway.compose.back import capable_judge
from gateway.compose.checks import plugins, policies, readers
from gateway.compose.store import Store, signing_key
from gateway.plugins import CLASSIFIERS, JUDGES
from gateway.settings import Settings, own_directory
from gateway.store.engine_models import Worker
from gateway.store.models import ApiKey, Event
from gateway.telemetry import gpus
from moderation.errors import TunegateError

GIB = 1024**3
MIN_FREE_BYTES = 2 * GIB
"""A job writes its files, checkpoints and adapter before it deletes any."""
MAX_SKEW_S = 60.0
"""Leases and heartbeats are compared between machines, and receivers of webhooks allow for a few minutes."""
TIMEOUT_S = 10.0
LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})


def disk(settings: Settings) -> str:
    """Whether the home can be written to and has room."""
    own_directory(settings.home)
    probe = settings.home / ".doctor"
    probe.write_bytes(b"x")
    probe.unlink()
    free = shutil.disk_usage(settings.home).free
    if free < MIN_FREE_BYTES:
        raise TunegateError(
            f"{settings.home} has {free / GIB:.1f} GiB free; make room for {MIN_FREE_BYTES // GIB} GiB at least"
        )
    return f"{free / GIB:.0f} GiB free in {settings.home}"


def blobs(settings: Settings) -> str:
    """Whether the store of blobs takes, gives back and deletes."""
    store = Store.open(settings)
    store.database.close()
    key = f"doctor/{time.time_ns()}"
    store.blobs.put(key, [b"probe"])
    with store.blobs.open(key) as stream:
        same = stream.read() == b"probe"
    store.blobs.delete(key)
    if not same:
        raise TunegateError(f"{_shown(settings.blob_url)} does not give back what it was given; mend or replace it")
    return _shown(settings.blob_url)


def keys(settings: Settings) -> str:
    """Whether the signing key is there and private, and how many API keys are in use."""
    signing_key(settings)
    loose = [path for path in (settings.home, *settings.home.glob("*.key")) if _others_may_read(path.stat())]
    if loose:
        raise TunegateError(f"others may read {loose[0]}; chmod go= {loose[0]}")
    store = Store.open(settings)
    in_use = select(func.count()).select_from(ApiKey).where(ApiKey.revoked_at.is_(None))
    with store.database.read() as session:
        count = session.scalar(in_use) or 0
    store.database.close()
    return f"{count} API keys in use" if count else "no API key yet: `tunegate keys create --project NAME`"


def _others_may_read(found: os.stat_result) -> bool:
    """A group with its user's number is that user's alone: on a volume, a cluster lets only the group in."""
    ours_alone = found.st_gid == os.getgid() == os.getuid()
    return bool(found.st_mode & (0o007 if ours_alone else 0o077))


def clock(settings: Settings) -> str:
    """Whether this machine's clock agrees with the database's, and with what was written before."""
    store = Store.open(settings)
    with store.database.read() as session:
        now = time.time()
        theirs = now
        if session.get_bind().dialect.name == "postgresql":
            theirs = float(session.scalar(select(func.extract("epoch", func.clock_timestamp()))) or now)
        written = [session.scalar(select(func.max(column))) for column in (Worker.heartbeat_at, Event.created_at)]
    store.database.close()
    if abs(now - theirs) > MAX_SKEW_S:
        raise TunegateError(
            f"the database's clock is {theirs - now:+.0f} s from this one; let both follow one time server"
        )
    ahead = max((at - now for at in written if at is not None), default=0.0)
    if ahead > MAX_SKEW_S:
        raise TunegateError(
            f"something was written {ahead:.0f} s in the future: this clock, or another worker's, is wrong"
        )
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))


def graphics() -> str:
    """Which GPUs there are, and whether torch can use them."""
    found = gpus.look()
    if not found:
        return "none: models are trained and run on the CPU"
    if find_spec("torch") is not None:
        import torch  # noqa: PLC0415 - seconds, and only where there is a GPU to use it

        if not torch.cuda.is_available():
            raise TunegateError(
                f"torch {torch.__version__} cannot use the GPUs (driver {found[0].driver}); install its CUDA build"
            )
    return ", ".join(f"{gpu.name} ({(gpu.total_bytes or 0) / GIB:.0f} GiB)" for gpu in found)


def bases(settings: Settings) -> str:
    """Which bases are on the list; where one was ever admitted or must be, also which were, as they are now."""
    if not (settings.admitted_bases_only or (settings.home / admissions.FOLDER).exists()):
        return ", ".join(sorted(base_names(settings.bases_file)))
    # Only now: every file of every model is digested.
    listed, public = read_bases(settings.bases_file), public_key(signing_key(settings))
    if settings.admitted_bases_only:
        admissions.require(listed.values(), settings.home, public)
    found = {name: admissions.find(settings.home, base.digest, public) for name, base in sorted(listed.items())}
    return ", ".join(f"{name} ({'not admitted' if one is None else one.verdict})" for name, one in found.items())


def classifiers(settings: Settings) -> str:
    """Whether every classifier that a policy names can be made, weights and all, and which optional ones are left out.

    Raises `PluginError` for one that must be there.
    """
    book = policies(settings)
    made, named = readers(settings, book), book.check_names()[0]
    told = [name if name in made else f"{name} (optional, left out)" for name in sorted(named)]
    return ", ".join(told) or "no policy names one"


def judges(settings: Settings) -> str:
    """Whether every base's language has a judge, and no judge is a model that it would judge."""
    installed = plugins(settings)
    own = _candidates(settings)
    for name in sorted(installed.names(JUDGES)):
        config = settings.plugin_config(name)
        variable = f"TUNEGATE_{name.upper()}"
        if (url := config.get("base_url")) is not None:
            if _is_us(url, settings):
                raise TunegateError(
                    f"{variable}_BASE_URL is this gateway: a judge must not be what it judges; name another"
                )
            place = (_place(url), config.get("model", ""))
        else:
            place = ("", config.get("model", ""))
        if place[1] and place in own:
            raise TunegateError(
                f"{variable}_MODEL is the base model {own[place]!r}; a judge must not be what it judges"
            )
    names = sorted({str(entry.get("corpus", "miniature")) for entry in read_entries(settings.bases_file)})
    seats = {name: capable_judge(installed, asked.corpus(name, settings.home)).identity for name in names}
    return ", ".join(f"{corpus}: {identity}" for corpus, identity in seats.items())


def reachable(settings: Settings) -> str:
    """Whether every endpoint that is configured answers, knows our key, and has our time."""
    asked_of = dict(_endpoints(settings))
    for what, (url, key) in asked_of.items():
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            answer = httpx.get(f"{url.rstrip('/')}/models", headers=headers, timeout=TIMEOUT_S)
        except httpx.HTTPError as error:
            raise TunegateError(f"{what} at {_shown(url)} does not answer ({type(error).__name__})") from error
        if answer.status_code in (401, 403):
            raise TunegateError(f"{what} at {_shown(url)} does not take the key ({answer.status_code}); set another")
        if answer.status_code >= 500:
            raise TunegateError(f"{what} at {_shown(url)} fails ({answer.status_code}); ask who runs it")
        if (date := answer.headers.get("date")) is not None:
            skew = parsedate_to_datetime(date).timestamp() - time.time()
            if abs(skew) > MAX_SKEW_S:
                raise TunegateError(
                    f"the clock of {what} is {skew:+.0f} s from this one; let this one follow a time server"
                )
    return ", ".join(asked_of) or "nothing is configured outside"


def _endpoints(settings: Settings) -> Iterable[tuple[str, tuple[str, str]]]:
    """What is asked over HTTP, by name: base URL and key."""
    for entry in read_entries(settings.bases_file):
        if isinstance(table := entry.get("upstream"), dict):
            key = settings.plugin_config("upstream").get("api_key", "")
            yield f"the provider of {entry.get('name')}", (str(table.get("base_url")), key)
    installed = plugins(settings)
    for group, what in ((JUDGES, "judge"), (CLASSIFIERS, "classifier")):
        for name in sorted(installed.names(group)):
            config: Mapping[str, str] = settings.plugin_config(name)
            if "base_url" in config:
                yield f"{what} {name}", (config["base_url"], config.get("api_key", ""))
    if settings.otlp_endpoint:
        yield "the collector of traces", (settings.otlp_endpoint, "")


def _candidates(settings: Settings) -> Mapping[tuple[str, str], str]:
    """Names of base models by where they answer, or lie, and what they are called there."""
    found: dict[tuple[str, str], str] = {}
    for entry in read_entries(settings.bases_file):
        name = str(entry.get("name"))
        found[("", str(entry.get("source", "")))] = name
        if isinstance(table := entry.get("upstream"), dict):
            found[(_place(str(table.get("base_url"))), str(table.get("model")))] = name
    for name, server in read_servers(settings.bases_file, {}, Path(settings.home)).items():
        found[(_place(server.url), server.model)] = name
    return found


def _is_us(url: str, settings: Settings) -> bool:
    parts = urlsplit(url)
    hosts = LOCAL if settings.host in LOCAL else {settings.host}
    return parts.hostname in hosts and parts.port == settings.port


def _place(url: str) -> str:
    """Host and port, so that a path does not tell two names of one server apart."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _shown(url: str) -> str:
    """A URL without the user name and password that it may carry."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
