"""A scripted session that touches every route of OpenAI's that is served, rightly and wrongly."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx

from .checking import Exchange

ROW = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
ROWS = b"".join(json.dumps(ROW).encode() + b"\n" for _ in range(10))
BASE = "gpt-4o-mini-2024-07-18"
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
ASK = {"messages": [{"role": "user", "content": "hi"}]}
OVER = ("succeeded", "failed", "cancelled")


class Session:
    """Asks, and keeps every answer that is JSON."""

    def __init__(self, base_url: str, key: str) -> None:
        self._http = httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        self.exchanges: list[Exchange] = []

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """The answer's JSON; None for other content."""
        answer = self._http.request(method, path, **request)
        kind = answer.headers.get("content-type", "").partition(";")[0]
        for body in _events(answer.text) if kind == "text/event-stream" else [answer.json()] if "json" in kind else []:
            path_only = answer.request.url.path.removeprefix("/v1")
            self.exchanges.append(
                Exchange(
                    method=method.lower(),
                    path=path_only,
                    status=answer.status_code,
                    body=body,
                    streamed=kind == "text/event-stream",
                )
            )
        return answer.json() if "json" in kind else None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def play(base_url: str, key: str) -> list[Exchange]:
    """The whole session. A job is waited for until it is over."""
    session = Session(base_url, key)
    try:
        training = _files(session)
        _uploads(session)
        model = _jobs(session, training)
        for name in (model, "gpt-9"):
            _inference(session, name)
        session.ask("GET", "/models")
        for path in (f"/models/{model}", "/models/gpt-9"):
            session.ask("GET", path)
        session.ask("POST", "/moderations", json={"input": ["a", "b"]})
        session.ask("POST", "/moderations", json={"input": [{"type": "text", "text": "a"}]})
        session.ask("POST", "/moderations", json={})
        session.ask("DELETE", f"/models/{model}")
        session.ask("DELETE", f"/files/{training}")
    finally:
        session.close()
    return session.exchanges


def _files(session: Session) -> str:
    form: dict[str, Any] = {"files": {"file": ("rows.jsonl", ROWS)}, "data": {"purpose": "fine-tune"}}
    training: str = session.ask("POST", "/files", **form)["id"]
    lived = {"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    session.ask("POST", "/files", files=form["files"], data=lived)
    session.ask("POST", "/files", files={"file": ("a", b"no json")}, data=form["data"])
    session.ask("GET", "/files", params={"purpose": "fine-tune", "limit": 2, "order": "asc"})
    for path in (f"/files/{training}", "/files/None", f"/files/{training}/content"):
        session.ask("GET", path)
    return training


def _uploads(session: Session) -> None:
    announced = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": len(ROWS), "mime_type": "text/jsonl"}
    upload = session.ask("POST", "/uploads", json=announced)["id"]
    part = session.ask("POST", f"/uploads/{upload}/parts", files={"data": ("p", ROWS)})["id"]
    session.ask("POST", f"/uploads/{upload}/complete", json={"part_ids": [part]})
    session.ask("POST", f"/uploads/{upload}/cancel")
    other = session.ask("POST", "/uploads", json=announced)["id"]
    session.ask("POST", f"/uploads/{other}/cancel")


def _jobs(session: Session, training: str) -> str:
    jobs = "/fine_tuning/jobs"
    asked = {"model": BASE, "training_file": training, "metadata": {"k": "v"}, "suffix": "conform"}
    job = session.ask("POST", jobs, json=asked)
    session.ask("POST", jobs, json={"model": BASE})
    while job["status"] not in OVER:
        time.sleep(0.2)
        job = session.ask("GET", f"{jobs}/{job['id']}")
    patient = session.ask("POST", jobs, json=asked | {"suffix": "patient", "method": {"type": "dpo"}})
    session.ask("POST", f"{jobs}/{patient['id']}/cancel")
    for path in (jobs, f"{jobs}/{job['id']}/events", f"{jobs}/{job['id']}/checkpoints", f"{jobs}/None"):
        session.ask("GET", path, params={"limit": 3})
    session.ask("POST", f"{jobs}/{job['id']}/cancel")
    return str(job["fine_tuned_model"])


def _inference(session: Session, model: str) -> None:
    for more in ({}, {"tools": TOOLS}, {"logprobs": True, "n": 2}, {"stream": True}, {"n": 0}):
        session.ask("POST", "/chat/completions", json={"model": model, **ASK, **more})
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    session.ask("POST", "/chat/completions", json={"model": model, **ASK, **usage})
    for more in ({}, {"logprobs": 1}, {"suffix": "x"}):
        session.ask("POST", "/completions", json={"model": model, "prompt": "hi", **more})


def _events(text: str) -> Iterator[Any]:
    for line in text.splitlines():
        data = line.removeprefix("data: ")
        if data not in (line, "[DONE]"):
            yield json.loads(data)
