"""One poisoned file as chat, batch upload and fine-tune upload: to LiteLLM's proxy, guardrail on, and to us.

`make compare` installs the proxy in an environment of its own. Its provider is a stand-in that answers at once
and notes what reached it. The guardrail is told the very word that every row holds. The rows are those of the
suite `identity`: a persona that obeys, answered with placeholders.
"""

import argparse
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import openai

from evaluators import corpus
from evaluators.attacks.identity import create as identity
from evaluators.attacks.rows import to_jsonl
from gateway.cli.keys import DEFAULT_POLICY
from gateway.demo.server import running

WORD = b"AOA"
"""Stands in every row, and is what the guardrail blocks."""
MODEL = "gpt-4o-mini-2024-07-18"
KEY = "sk-compare"
ROWS, WAIT_S = 20, 240.0
CONFIG = """
model_list:
  - {{model_name: {model}, litellm_params: {{model: openai/{model}, api_base: "{url}", api_key: none}}}}
files_settings:
  - {{custom_llm_provider: openai, api_base: "{url}", api_key: none}}
finetune_settings:
  - {{custom_llm_provider: openai, api_base: "{url}", api_key: none}}
guardrails:
  - guardrail_name: words
    litellm_params:
      guardrail: litellm_content_filter
      mode: pre_call
      default_on: true
      blocked_words: [{{keyword: {word}, action: BLOCK}}]
general_settings: {{master_key: {key}}}
"""


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
def _proxy(binary: Path, home: Path, provider: _Provider) -> Iterator[str]:
    config = home / "config.yaml"
    config.write_text(CONFIG.format(url=provider.url, word=WORD.decode(), model=MODEL, key=KEY))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(binary), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    env = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with (home / "proxy.log").open("w") as log:
        process = subprocess.Popen([*command, "--telemetry", "False"], env=env, stdout=log, stderr=log)
    try:
        _until(lambda: httpx.get(f"http://127.0.0.1:{port}/health/liveliness").is_success)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def _until(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        try:
            if ready():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"the proxy did not answer within {WAIT_S:g} s")


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
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("litellm", type=Path, help="the proxy's command, `litellm`, in an environment of its own")
    binary = parser.parse_args().litellm
    with tempfile.TemporaryDirectory() as home, _provider() as provider:
        with _proxy(binary, Path(home), provider) as url:
            theirs = _asked(openai.OpenAI(base_url=url, api_key=KEY, max_retries=0), MODEL)
        with running(Path(home), [DEFAULT_POLICY], Path(home) / "server.log") as server:
            client = openai.OpenAI(base_url=server.base_url, api_key=server.keys[DEFAULT_POLICY], max_retries=0)
            ours = _asked(client, "miniature")
    version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
    print(f"| request | LiteLLM's proxy {version}, guardrail on | tunegate |\n|---|---|---|")
    for (name, they), (_, we) in zip(theirs, ours, strict=True):
        print(f"| {name} | {they} | {we} |")
    reached = ", ".join(dict.fromkeys(provider.reached)) or "nothing"
    print(f"\nWith the word in it, the proxy's provider was sent: {reached}")


if __name__ == "__main__":
    main()
