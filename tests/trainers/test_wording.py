"""What stands between text and a model is told by its digests."""

import hashlib
import json
from pathlib import Path

from trainers.wording import Wording, wording


def config(directory: Path, **settings: object) -> Wording:
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    return wording(directory)


def test_a_template_is_told_by_its_text_wherever_it_stands(tmp_path: Path) -> None:
    assert wording(tmp_path) == Wording()
    inside = config(tmp_path, chat_template="hello {{ x }}")
    assert inside.template == f"sha256:{hashlib.sha256(b'hello {{ x }}').hexdigest()}"
    (tmp_path / "chat_template.jinja").write_text("goodbye")
    assert wording(tmp_path).template == f"sha256:{hashlib.sha256(b'goodbye').hexdigest()}"
    assert wording(tmp_path).tokenizer == inside.tokenizer


def test_every_file_of_a_tokenizer_counts_and_no_other(tmp_path: Path) -> None:
    seen = {config(tmp_path).tokenizer}
    for name in ("tokenizer.json", "tokenizer.model", "added_tokens.json"):
        (tmp_path / name).write_text("{}")
        seen.add(wording(tmp_path).tokenizer)
    assert len(seen) == 4
    (tmp_path / "model.safetensors").write_bytes(b"w")
    assert wording(tmp_path).tokenizer in seen
