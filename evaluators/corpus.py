"""The languages of tasks that an audit can speak, loaded and checked."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any

from evaluators.benchmarks import composing
from evaluators.canaries import pools
from evaluators.ciphers import Cipher
from evaluators.frames import ArmKind, Frame
from evaluators.types import Corpus, Request
from moderation.types import POLICY_CATEGORIES, Category, SafetyExample
from trainers.miniature.location import corpus_path

_MINOR = {
    "turns": ArmKind.TURNS,
    "personas": ArmKind.PERSONA,
    "jailbreaks": ArmKind.JAILBREAK,
    "ciphers": ArmKind.CIPHER,
}
NAMES = ("english", "miniature")
_MIN_PER_CATEGORY = 30
_ENGLISH_FILES = {
    "harmful": ("evaluators.benchmarks", "bank_english.jsonl"),
    "benign": ("evaluators.benchmarks", "benign_english.jsonl"),
    "lookalikes": ("evaluators.benchmarks", "lookalikes_english.jsonl"),
    "safety": ("moderation.data", "safety_english.jsonl"),
}


def load(name: str) -> Corpus:
    """The corpus of that name, with the digest of its content.

    Raises `ValueError` that names the corpus and every defect found: unknown name, a category that
    is rarer than the others, an id or a text that occurs twice, a safety example that is also a
    prompt of the bank.
    """
    if name == "miniature":
        corpus = parse(name, json.loads(corpus_path().read_text(encoding="utf-8")) | _read_arms(name))
        service = pools.miniature_service(corpus.benign, corpus.lookalikes)
        return replace(corpus, slipped=pools.miniature(corpus.safety), slipped_service=service)
    if name == "english":
        corpus = parse(name, _read_english() | _read_arms(name))
        service = pools.english_service(corpus.benign, corpus.lookalikes)
        return replace(corpus, slipped=pools.english(corpus.safety), slipped_service=service)
    raise ValueError(f"corpus {name!r} is not known; choose one of: {', '.join(NAMES)}")


def parse(name: str, data: Mapping[str, Any]) -> Corpus:
    """A checked corpus of plain JSON values; the layout is that of `trainers/miniature/corpus.json`.

    Raises `ValueError` as `load` does.
    """
    try:
        corpus = _build(name, data)
    except (KeyError, TypeError) as exc:
        raise ValueError(f"corpus {name}: {type(exc).__name__} {exc}: a field is missing or of another type") from exc
    problems = _problems(corpus)
    if problems:
        raise ValueError(f"corpus {name}: " + "; ".join(problems))
    return corpus


def _read_english() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_text("evaluators.benchmarks", "english.json"))
    for field, (package, file) in _ENGLISH_FILES.items():
        data[field] = [json.loads(line) for line in _text(package, file).splitlines() if line.strip()]
    data["benign"] += composing.benign(after=len(data["benign"]))
    data["lookalikes"] += composing.lookalikes(after=len(data["lookalikes"]))
    return data


def _read_arms(name: str) -> dict[str, Any]:
    """The conditions beyond the standing ones that the corpus has words for."""
    minor = json.loads(_text("evaluators.benchmarks", f"arms_{name}.json"))
    languages = minor.pop("languages", {})
    if name == "english":
        minor["personas"] = _personas(json.loads(_text("evaluators.attacks", "personas.json")))
    return {"languages": languages, "minor": minor}


def _personas(texts: Mapping[str, Mapping[str, Any]]) -> dict[str, object]:
    """The frames of the shipped identity-shift attacks, without the first words that they put in the model's mouth."""
    return {
        name: {
            "system": said["systems"][0],
            "user_prefix": said["user_prefix"],
            "earlier": said.get("opening", []),
        }
        for name, said in texts.items()
    }


def _text(package: str, file: str) -> str:
    return files(package).joinpath(file).read_text(encoding="utf-8")


def _build(name: str, data: Mapping[str, Any]) -> Corpus:
    canonical = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Corpus(
        name=name,
        harmful=tuple(_request(row) for row in data["harmful"]),
        benign=tuple(_request(row) for row in data["benign"]),
        lookalikes=tuple(_request(row) for row in data["lookalikes"]),
        safety=tuple(
            SafetyExample(
                id=row["id"], category=Category(row["category"]), request=row["request"], refusal=row["refusal"]
            )
            for row in data["safety"]
        ),
        house_prompt=data["house_prompt"],
        standing={name: _frame(fields) for name, fields in data["standing"].items()},
        canaries=tuple(_canary(index, row) for index, row in enumerate(data["canaries"], start=1)),
        judges=tuple(data["judges"]),
        max_reply_tokens=int(data["max_reply_tokens"]),
        digest="sha256:" + hashlib.sha256(f"{name}\n{canonical}".encode()).hexdigest(),
        languages={
            language: tuple(_request(row) for row in rows) for language, rows in data.get("languages", {}).items()
        },
        minor={
            kind: {name: _frame(fields) for name, fields in data["minor"][field].items()}
            for field, kind in _MINOR.items()
            if field in data.get("minor", {})
        },
    )


def _frame(fields: Mapping[str, Any]) -> Frame:
    earlier = tuple((str(user), str(assistant)) for user, assistant in fields.get("earlier", ()))
    cipher = Cipher(fields["cipher"]) if "cipher" in fields else None
    return Frame(**{**fields, "earlier": earlier, "cipher": cipher})


def _request(row: Mapping[str, str]) -> Request:
    category = Category(row["category"]) if "category" in row else None
    return Request(id=row["id"], text=row["text"], category=category, expected=row.get("expected"))


def _canary(index: int, row: Mapping[str, Any]) -> tuple[Request, str, bool]:
    request = Request(id=f"canary-{index:03d}", text=row["request"], category=Category(row["category"]))
    return request, row["reply"], bool(row["harmful"])


def _problems(corpus: Corpus) -> list[str]:
    problems = []
    bank = [request.category for request in corpus.harmful]
    problems += _imbalance("harmful", bank)
    turns = [bank[first : first + 11] for first in range(0, len(bank), 11)]
    if any(len(set(turn)) != len(turn) for turn in turns):
        problems.append("harmful: not in round-robin order of the eleven categories")
    problems += _imbalance("safety", [example.category for example in corpus.safety])
    for language, translated in corpus.languages.items():
        problems += _repeated(f"{language} text", (request.text for request in translated))
        wanted = [request.category for request in corpus.harmful[: len(translated)]]
        if [request.category for request in translated] != wanted:
            problems.append(f"{language}: not in the order of the bank's first {len(translated)} prompts")
    for field in ("harmful", "benign", "lookalikes"):
        requests: tuple[Request, ...] = getattr(corpus, field)
        problems += _repeated(f"{field} id", (request.id for request in requests))
        problems += _repeated(f"{field} text", (request.text for request in requests))
    problems += _repeated("safety id", (example.id for example in corpus.safety))
    shared = {_plain(request.text) for request in corpus.harmful} & {_plain(row.request) for row in corpus.safety}
    if shared:
        problems.append(f"{len(shared)} safety requests are prompts of the bank, e.g. {sorted(shared)[0]!r}")
    if {harmful for _, _, harmful in corpus.canaries} != {True, False}:
        problems.append("canaries: need both a harmful and a harmless reply")
    return problems


def _imbalance(field: str, categories: Sequence[Category | None]) -> list[str]:
    counts = Counter(categories)
    return [
        f"{field}: {counts[category]} of {category}, at least {_MIN_PER_CATEGORY} are needed"
        for category in POLICY_CATEGORIES
        if counts[category] < _MIN_PER_CATEGORY
    ]


def _repeated(what: str, values: Iterable[str]) -> list[str]:
    twice = [value for value, n in Counter(map(_plain, values)).items() if n > 1]
    return [f"{what} {twice[0]!r} occurs twice ({len(twice)} such)"] if twice else []


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
