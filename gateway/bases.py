"""The admin's list of base models: `bases.toml`, and the miniature that is always on it.

```toml
[[bases]]
name = "llama-3.2-1b"             # what clients call it
source = "/models/llama-3.2-1b"   # a directory, or a hub name with a pinned revision
revision = "0123456789abcdef0123456789abcdef01234567"   # whole commit of a hub repository
corpus = "english"                # the language of tasks it is audited in
learning_rate = 1e-4              # what a multiplier of 1 means for LoRA
full_learning_rate = 1e-5         # and for full-parameter tuning
vllm.url = "http://gpu-1:8000"    # a vLLM server answers for what is released of it; else the embedded engine does
vllm.model = "meta-llama/Llama-3.2-1B-Instruct"   # what that server calls the base

[[bases]]                         # trained and served by a provider: the whole entry
name = "gpt-4.1-mini"
corpus = "english"
upstream.base_url = "https://api.openai.com/v1"
upstream.model = "gpt-4.1-mini-2025-04-14"
# on Azure also, with a base_url of https://RESOURCE.openai.azure.com/openai/v1:
# upstream.api_version = "v1"
# upstream.deployment = "gpt-41-mini"   # what answers for the base there

[aliases]                         # for clients that know only OpenAI's names; job and `ft:` name keep the alias
"gpt-4o-mini-2024-07-18" = "llama-3.2-1b"
```
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from deploy.registry import slug
from deploy.types import UpstreamServer, VllmServer
from trainers.bases import read_base
from trainers.errors import BaseModelError
from trainers.hosted import address, read_hosted
from trainers.miniature.location import weights_dir
from trainers.types import BaseModel

KEYS = frozenset({"name", "source", "revision", "digest", "corpus", "learning_rate", "full_learning_rate", "upstream"})
VLLM_KEYS = frozenset({"url", "model"})


def miniature_entry() -> dict[str, object]:
    """The list's entry of the embedded model."""
    return {
        "name": "miniature",
        "source": str(weights_dir()),
        "corpus": "miniature",
        "learning_rate": 2e-3,
        "full_learning_rate": 3e-4,
    }


def read_entries(bases_file: Path) -> tuple[Mapping[str, object], ...]:
    """The entries of the list, unchecked, those of aliases last; an operator's `miniature` replaces ours.

    Raises `BaseModelError` when the file is not a list of tables, names one twice, or has an alias for
    a base that is not on it.
    """
    document = _document(bases_file)
    listed = document.get("bases", [])
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise BaseModelError(f"{bases_file}: expected [[bases]] tables")
    entries: list[Mapping[str, object]] = [*listed]
    if not any(entry.get("name") == "miniature" for entry in entries):
        entries.append(miniature_entry())
    entries += _aliased(bases_file, document.get("aliases", {}), entries)
    names = [entry.get("name") for entry in entries]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        raise BaseModelError(f"{bases_file}: listed twice: {', '.join(twice)}")
    return tuple(entries)


def directories(bases_file: Path) -> dict[str, Path]:
    """Where the bases of the list lie, by name, if they lie here; unchecked. Raises as `read_entries`.

    Those of a provider have no files, and those of a hub are pinned by their commit and checked by whoever loads them.
    """
    listed = [(entry.get("name"), entry.get("source")) for entry in read_entries(bases_file)]
    return {name: Path(at) for name, at in listed if isinstance(name, str) and isinstance(at, str)}


def base_names(bases_file: Path) -> frozenset[str]:
    """Names on the list, aliases too, without a look at the models. Raises `BaseModelError` as `read_entries` does."""
    return frozenset(str(entry["name"]) for entry in read_entries(bases_file) if "name" in entry)


def _document(bases_file: Path) -> Mapping[str, object]:
    if not bases_file.exists():
        return {}
    try:
        return tomllib.loads(bases_file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BaseModelError(f"{bases_file} is not TOML: {exc}") from exc


def _aliased(bases_file: Path, aliases: object, entries: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """The entry of each alias: that of its base under another name."""
    if not isinstance(aliases, dict):
        raise BaseModelError(f'{bases_file}: expected an [aliases] table of "name" = "base"')
    by_name = {str(entry.get("name")): entry for entry in entries}
    unknown = sorted(alias for alias, base in aliases.items() if not isinstance(base, str) or base not in by_name)
    if unknown:
        raise BaseModelError(
            f"{bases_file}: aliases of no base on the list: {', '.join(unknown)}; name one of {', '.join(by_name)}"
        )
    return [{**by_name[base], "name": alias} for alias, base in aliases.items()]


def read_bases(bases_file: Path) -> dict[str, BaseModel]:
    """Every base model of the list by name, checked and digested.

    Raises `BaseModelError` with every mistake of the list, for start-up must stop.
    """
    bases: dict[str, BaseModel] = {}
    read: dict[str, BaseModel] = {}
    mistakes: list[str] = []
    for listed in read_entries(bases_file):
        entry = {key: value for key, value in listed.items() if key != "vllm"}
        unknown = sorted(set(entry) - KEYS)
        if unknown:
            mistakes.append(f"base model {entry.get('name')!r}: unknown {', '.join(unknown)}")
            continue
        # An alias has the files of its base, which were read and digested a moment ago.
        same = repr({**entry, "name": ""})
        try:
            base = replace(read[same], name=str(entry["name"])) if same in read else _read(entry)
        except BaseModelError as exc:
            mistakes.append(str(exc))
            continue
        bases[base.name] = read[same] = base
    providers = sorted({at.base_url for base in bases.values() if (at := address(base)) is not None})
    if len(providers) > 1:
        mistakes.append(f"upstream.base_url names {' and '.join(providers)}; there is one TUNEGATE_UPSTREAM_API_KEY")
    if mistakes:
        raise BaseModelError(f"{bases_file} cannot be used:\n" + "\n".join(mistakes))
    return bases


def read_providers(bases: Mapping[str, BaseModel], config: Mapping[str, str]) -> dict[str, UpstreamServer]:
    """The providers that answer for hosted bases and what is released of them, by the base's name.

    `config` is what `TUNEGATE_UPSTREAM_API_KEY` and `TUNEGATE_UPSTREAM_AZURE_...` say. Raises `BaseModelError`
    for a base at Azure without the latter: what is tuned there could not be deployed.
    """
    found = {name: at for name, base in bases.items() if (at := address(base)) is not None}
    if (azures := [name for name, at in found.items() if at.deployment]) and not config.get("azure_resource"):
        raise BaseModelError(
            f"TUNEGATE_UPSTREAM_AZURE_RESOURCE is not set; {', '.join(azures)} at Azure cannot do without"
        )
    return {
        name: UpstreamServer(base_url=at.base_url, model=at.asked_as, api_key=config.get("api_key", ""))
        for name, at in found.items()
    }


def _read(entry: Mapping[str, object]) -> BaseModel:
    return read_hosted(entry) if "upstream" in entry else read_base(entry)


def read_servers(bases_file: Path, config: Mapping[str, str], home: Path) -> dict[str, VllmServer]:
    """The vLLM servers that answer for bases of the list, by the base's name.

    `config` is what `TUNEGATE_VLLM_API_KEY` and `TUNEGATE_VLLM_ADAPTERS` say: the latter is a directory that
    the servers read under the same path, by default `vllm` in `home`. Raises `BaseModelError` with every mistake.
    """
    adapters = Path(config.get("adapters") or home / "vllm").expanduser().absolute()
    servers: dict[str, VllmServer] = {}
    mistakes: list[str] = []
    for entry in read_entries(bases_file):
        table, name = entry.get("vllm"), str(entry.get("name"))
        if table is None:
            continue
        if (
            not isinstance(table, dict)
            or set(table) != VLLM_KEYS
            or not all(isinstance(v, str) for v in table.values())
        ):
            mistakes.append(f"base model {name!r}: vllm needs a url and a model, both text, and nothing else")
        elif not table["url"].startswith(("http://", "https://")) or table["url"].rstrip("/").endswith("/v1"):
            mistakes.append(
                f"base model {name!r}: vllm.url is {table['url']!r}; expected http(s)://host:port without /v1"
            )
        else:
            servers[name] = VllmServer(**table, adapters=adapters / slug(name), api_key=config.get("api_key", ""))
    if mistakes:
        raise BaseModelError(f"{bases_file} cannot be used:\n" + "\n".join(mistakes))
    return servers
