"""What `doctor` finds, each check by itself; `test_cli.py` runs it whole."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.cli import checkups
from gateway.compose.store import Store, signing_key
from gateway.settings import Settings
from gateway.store import engines
from moderation.errors import TunegateError

HOSTED = """
[[bases]]
name = "theirs"
corpus = "english"
upstream = {{ base_url = "{url}", model = "gpt-x" }}
"""


class Provider(BaseHTTPRequestHandler):
    """Takes one key; `/late/models` has yesterday's date."""

    def do_GET(self) -> None:
        known = self.headers["authorization"] == "Bearer right"
        self.send_response_only(200 if known else 401)
        late = "Thu, 01 Jan 2026 00:00:00 GMT" if self.path.startswith("/late") else self.date_time_string()
        self.send_header("date", late)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def provider() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path, migrated: bytes) -> Callable[..., Settings]:
    (tmp_path / "tunegate.db").write_bytes(migrated)
    return lambda **variables: Settings.read({"TUNEGATE_HOME": str(tmp_path), **variables})


def with_judge(url: str, model: str = "m") -> dict[str, str]:
    return {"TUNEGATE_POLICY_RUBRIC_BASE_URL": url, "TUNEGATE_POLICY_RUBRIC_MODEL": model}


def test_a_full_disk_is_told_with_what_is_needed(settings: Callable[..., Settings], monkeypatch) -> None:
    assert "GiB free" in checkups.disk(settings())
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    with pytest.raises(TunegateError, match=r"0\.0 GiB free; make room for 2 GiB"):
        checkups.disk(settings())


def test_the_store_is_asked_to_give_back_what_it_was_given(settings: Callable[..., Settings], tmp_path: Path) -> None:
    assert checkups.blobs(settings()).endswith("/blobs")
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


def test_a_signing_key_that_others_may_read_is_told(
    settings: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    signing_key(settings())
    assert checkups.keys(settings()).startswith("no API key yet")
    owner = tmp_path.stat()
    monkeypatch.setattr("os.getuid", lambda: owner.st_gid)
    monkeypatch.setattr("os.getgid", lambda: owner.st_gid)
    tmp_path.chmod(0o770)
    assert checkups.keys(settings()).startswith("no API key yet"), "a volume in a cluster is its group's"
    (tmp_path / "attestation.key").chmod(0o644)
    with pytest.raises(TunegateError, match=r"others may read .*chmod go="):
        checkups.keys(settings())


def test_a_clock_behind_what_was_written_is_told(settings: Callable[..., Settings]) -> None:
    assert checkups.clock(settings()).endswith("UTC")
    store = Store.open(settings())
    with store.database.write() as session:
        engines.sign_on(session, "w", address="a", secret="s", now=store.now() + 3_600)
    store.database.close()
    with pytest.raises(TunegateError, match="in the future"):
        checkups.clock(settings())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_judge_that_is_this_gateway_is_refused(settings: Callable[..., Settings], host: str) -> None:
    with pytest.raises(TunegateError, match="TUNEGATE_POLICY_RUBRIC_BASE_URL is this gateway"):
        checkups.judges(settings(**with_judge(f"http://{host}:8000/v1")))


def test_a_judge_that_is_a_base_model_is_refused(settings: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "bases.toml").write_text(HOSTED.format(url="https://api.example/v1"))
    with pytest.raises(TunegateError, match="is the base model 'theirs'"):
        checkups.judges(settings(**with_judge("https://api.example/v1/", "gpt-x")))
    assert "policy_rubric" in checkups.judges(settings(**with_judge("https://api.example/v1/", "gpt-y")))


def test_a_classifier_that_cannot_start_is_told_with_the_mend(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    without = settings(TUNEGATE_ENCODER_MODEL=str(tmp_path))
    assert checkups.classifiers(without) == "encoder (optional, left out), linear"
    (tmp_path / "policy.toml").write_text(
        "[guarded]\ninjection = { ratio = 0.1 }\n[guarded.screening.classifiers.guard]\naction = 'block'\n"
    )
    with pytest.raises(TunegateError, match=r"plug-in 'guard' .* cannot start: TUNEGATE_GUARD_FORMAT"):
        checkups.classifiers(settings())


def test_a_language_without_a_judge_is_told(settings: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "bases.toml").write_text(HOSTED.format(url="https://api.example/v1"))
    with pytest.raises(TunegateError, match="no judge is configured for the corpus 'english'"):
        checkups.judges(settings())


@pytest.mark.parametrize(
    ("path", "key", "said"),
    [
        ("", "right", ""),
        ("", "wrong", "does not take the key"),
        ("/late", "right", "let this one follow a time server"),
    ],
)
def test_an_endpoint_is_asked_for_its_key_and_time(
    settings: Callable[..., Settings], provider: str, path: str, key: str, said: str
) -> None:
    configured = settings(**with_judge(f"{provider}{path}"), TUNEGATE_POLICY_RUBRIC_API_KEY=key)
    if not said:
        assert checkups.reachable(configured) == "judge policy_rubric"
        return
    with pytest.raises(TunegateError, match=said):
        checkups.reachable(configured)


def test_classifiers_and_the_collector_are_asked_too(settings: Callable[..., Settings], provider: str) -> None:
    named = {"TUNEGATE_OMNI_BASE_URL": provider, "TUNEGATE_OMNI_API_KEY": "right"}
    assert checkups.reachable(settings(**named)) == "classifier omni"
    with pytest.raises(TunegateError, match=r"the collector of traces at .* does not answer"):
        checkups.reachable(settings(**named, TUNEGATE_OTLP_ENDPOINT="http://127.0.0.1:9"))


def test_a_provider_that_does_not_answer_is_told_without_its_password(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    (tmp_path / "bases.toml").write_text(HOSTED.format(url="http://me:secret@127.0.0.1:9/v1"))
    with pytest.raises(TunegateError, match=r"provider of theirs at http://127.0.0.1:9/v1 does not answer") as told:
        checkups.reachable(settings())
    assert "secret" not in str(told.value)
