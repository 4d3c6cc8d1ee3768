"""Fetching over HTTP, from a hub that serves what huggingface_hub asks for."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from evaluators.benchmarks.fetching import fetch
from evaluators.benchmarks.loading import load

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = "Index,Goal,Behavior,Category\n" + "".join(f"{n},ask {n},b,Privacy\n" for n in range(100))
FILES = {"README.md": "# no", "data/harmful-behaviors.csv": ROWS, "data/judge-comparison.csv": "no"}


class Hub(BaseHTTPRequestHandler):
    """One data set at one commit; the gated one is refused."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""

    def _answer(self) -> None:
        name = self.path.partition(f"/resolve/{COMMIT}/")[2]
        if "HEx-PHI" in self.path:
            self._say(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        elif "/revision/none" in self.path:
            self._say(404, b"", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "no"})
        elif "/api/datasets/" in self.path:
            tree = [{"type": "file", "path": one, "size": len(FILES[one]), "oid": one} for one in FILES]
            found = tree if "/tree/" in self.path else {"id": "x/y", "sha": COMMIT}
            self._say(200, orjson.dumps(found), {})
        else:
            self._say(200, FILES[name].encode(), {"X-Repo-Commit": COMMIT, "ETag": f'"{name}"'})

    def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_set_comes_from_the_hub_without_the_files_that_are_not_asked(hub: str) -> None:
    found = fetch("jailbreakbench", COMMIT, endpoint=hub)
    assert sorted(path.name for path in found.rglob("*") if path.is_file()) == ["harmful-behaviors.csv"]
    with pytest.raises(ValueError, match=r"row"):
        load("jailbreakbench", found)  # a hundred rows of one group: what was fetched is believed no more than a path


@pytest.mark.parametrize(
    ("name", "revision", "mend"),
    [
        (
            "hex_phi",
            COMMIT,
            "accept its terms at https://huggingface.co/datasets/LLM-Tuning-Safety/HEx-PHI, then set HF_TOKEN",
        ),
        ("jailbreakbench", "none", "has no revision 'none'"),
        ("harmbench", COMMIT, "not on the hub; get it from https://github.com/centerforaisafety/HarmBench"),
        ("imaginary", COMMIT, "known are: advbench"),
    ],
)
def test_what_cannot_be_fetched_comes_with_its_mend(hub: str, name: str, revision: str, mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        fetch(name, revision, endpoint=hub)


def test_a_machine_without_network_is_told_what_else_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=r"could not be fetched.*and give its path"):
        fetch("or_bench", COMMIT)
