"""One poisoned file as chat, batch upload and fine-tune upload: to LiteLLM's proxy, guardrail on, and to us.

The proxy is installed in an environment of its own, on first use. Its provider is a stand-in that answers at once
and notes what reached it. The guardrail is told the very word that every row holds. The rows are those of the
suite `identity`: a persona that obeys, answered with placeholders.
"""

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openai

from bench.servers import end, litellm, start_litellm, wait
from evaluators import corpus
from evaluators.attacks.identity import create as identity
from evaluators.attacks.rows import to_jsonl
from gateway.cli.keys import DEFAULT_POLICY
from gateway.demo.server import running

WORD = b"AOA"
"""Stands in every row, and is what the guardrail blocks."""
MODEL = "gpt-4o-mini-2024-07-18"
KEY = "sk-compare"
ROWS = 20


@dataclass(slots=True)
class _Provider:
    """What reached the stand-in with the word in it, by path."""

    url: str
    reached: list[str] = field(default_factory=list)


@contextmanager
def _provider() -> Iterator[_Provider]:
    provider = _Provider(url="")

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Take anything."""
            if WORD in self.rfile.read(int(self.headers["content-length"])):
                provider.reached.append(self.path)
            now = int(time.time())
            file = {
                "id": "file-1",
                "object": "file",
                "bytes": 1,
                "created_at": now,
                "filename": "f",
                "status": "processed",
            }
            said = {"role": "assistant", "content": "ok"}
            chat = {"choices": [{"index": 0, "message": said, "finish_reason": "stop"}], "model": MODEL}
            body = (
                file | {"purpose": "fine-tune"}
                if "files" in self.path
                else chat | {"id": "c", "object": "chat.completion"}
            )
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    provider.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield provider
    finally:
        server.shutdown()


@contextmanager
def _proxy(python: str, home: Path, provider: _Provider) -> Iterator[str]:
    process, port = start_litellm(python, home, _config(provider.url))
    try:
        wait(port, process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        end(process)


def _config(url: str) -> Mapping[str, object]:
    """One model and one provider for files and tuning; the guardrail blocks the word before every call."""
    files = [{"custom_llm_provider": "openai", "api_base": url, "api_key": "none"}]
    upstream = {"model": f"openai/{MODEL}", "api_base": url, "api_key": "none"}
    guardrail = {
        "guardrail": "litellm_content_filter",
        "mode": "pre_call",
        "default_on": True,
        "blocked_words": [{"keyword": WORD.decode(), "action": "BLOCK"}],
    }
    return {
        "model_list": [{"model_name": MODEL, "litellm_params": upstream}],
        "files_settings": files,
        "finetune_settings": files,
        "guardrails": [{"guardrail_name": "words", "litellm_params": guardrail}],
        "general_settings": {"master_key": KEY},
    }


def _asked(client: openai.OpenAI, model: str) -> Sequence[tuple[str, str]]:
    """What became of each request."""
    rows = identity({}).poison(corpus.load("english"), ROWS, 0)
    lines = to_jsonl(rows)
    messages = json.loads(lines.splitlines()[0])["messages"][:-1]
    batch = b"".join(
        json.dumps(
            {"custom_id": f"{i}", "method": "POST", "url": "/v1/chat/completions",
             "body": {"model": model, "messages": json.loads(line)["messages"]}}
        ).encode() + b"\n"
        for i, line in enumerate(lines.splitlines())
    )  # fmt: skip

    def chat() -> str:
        return f"answered: {client.chat.completions.create(model=model, messages=messages).choices[0].finish_reason}"

    def upload(data: bytes, purpose: str) -> str:
        return f"200, {client.files.create(file=('rows.jsonl', data), purpose=purpose).object} stored"  # type: ignore[arg-type]

    def job() -> str:
        file = client.files.create(file=("rows.jsonl", lines), purpose="fine-tune")
        made = client.fine_tuning.jobs.create(training_file=file.id, model=model)
        while made.status not in ("succeeded", "failed", "cancelled"):
            time.sleep(1)
            made = client.fine_tuning.jobs.retrieve(made.id)
        return f"{made.status}: {made.error.code}: {made.error.message}" if made.error else made.status

    asked: dict[str, Callable[[], str]] = {
        "chat": chat,
        "upload, `purpose=batch`": lambda: upload(batch, "batch"),
        "upload, `purpose=fine-tune`": lambda: upload(lines, "fine-tune"),
        "fine-tuning job on it": job,
    }
    return [(name, _outcome(ask)) for name, ask in asked.items()]


def _outcome(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except openai.APIStatusError as error:
        return f"{error.status_code}: {error.message.removeprefix(f'Error code: {error.status_code} - ')}"


def main() -> None:
    """Print what became of every request as a table in Markdown."""
    python = litellm()
    with tempfile.TemporaryDirectory() as home, _provider() as provider:
        with _proxy(python, Path(home), provider) as url:
            theirs = _asked(openai.OpenAI(base_url=url, api_key=KEY, max_retries=0), MODEL)
        with running(Path(home), [DEFAULT_POLICY], Path(home) / "server.log") as server:
            client = openai.OpenAI(base_url=server.base_url, api_key=server.keys[DEFAULT_POLICY], max_retries=0)
            ours = _asked(client, "miniature")
    asked = [python, "-c", "from importlib.metadata import version; print(version('litellm'))"]
    version = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    print(f"| request | LiteLLM's proxy {version}, guardrail on | tunegate |\n|---|---|---|")
    for (name, they), (_, we) in zip(theirs, ours, strict=True):
        print(f"| {name} | {they} | {we} |")
    reached = ", ".join(dict.fromkeys(provider.reached)) or "nothing"
    print(f"\nWith the word in it, the proxy's provider was sent: {reached}")


if __name__ == "__main__":
    main()
