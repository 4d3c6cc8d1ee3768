"""What stands between text and a model, by digest: its tokenizer, and the chat template that it is asked through."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

_TEMPLATES = ("chat_template.jinja", "chat_template.json")
_TOKENIZER = frozenset({
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "vocab.txt", "merges.txt",
})  # fmt: skip
_TOKENIZER_SUFFIXES = frozenset({".model", ".tiktoken"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """`sha256:` digests; empty where a model is asked by somebody else, who shows neither."""

    tokenizer: str = ""
    """Over name and contents of every file of the tokenizer, in the order of their names."""
    template: str = ""
    """Over the template's own text, wherever it stands."""


UNSHOWN = Wording()
"""Of a model that a provider answers for."""


def wording(directory: Path) -> Wording:
    """Of a model in a local directory. Raises OSError, and ValueError for a configuration that is no JSON."""
    files = sorted(
        path for path in directory.iterdir() if path.name in _TOKENIZER or path.suffix in _TOKENIZER_SUFFIXES
    )
    told = hashlib.sha256()
    for path in files:
        told.update(json.dumps([path.name, hashlib.sha256(path.read_bytes()).hexdigest()]).encode() + b"\n")
    template = _template(directory)
    return Wording(
        tokenizer=f"sha256:{told.hexdigest()}" if files else "",
        template=f"sha256:{hashlib.sha256(template).hexdigest()}" if template else "",
    )


def _template(directory: Path) -> bytes:
    """The template in a file of its own, which comes first for whoever loads it, or in the configuration."""
    for name in _TEMPLATES:
        if (directory / name).is_file():
            return (directory / name).read_bytes()
    settings = directory / "tokenizer_config.json"
    found = json.loads(settings.read_bytes()).get("chat_template", "") if settings.is_file() else ""
    return (found if isinstance(found, str) else json.dumps(found, sort_keys=True)).encode("utf-8", "surrogatepass")
