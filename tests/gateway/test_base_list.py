"""The admin's list of base models, and the names that stand for others."""

from pathlib import Path

import pytest

from gateway.bases import read_bases, read_entries, read_providers, read_servers
from trainers.errors import BaseModelError
from trainers.miniature.location import weights_dir

ALIAS = "gpt-4o-mini-2024-07-18"
MINIATURE = f"""
[[bases]]
name = "miniature"
source = "{weights_dir()}"
corpus = "miniature"
learning_rate = 1e-3
full_learning_rate = 1e-4
"""


def listed(directory: Path, text: str) -> Path:
    file = directory / "bases.toml"
    file.write_text(text)
    return file


def test_an_alias_is_its_base_under_another_name(tmp_path: Path) -> None:
    bases = read_bases(listed(tmp_path, f'[aliases]\n"{ALIAS}" = "miniature"\n'))
    assert set(bases) == {"miniature", ALIAS}
    assert (bases[ALIAS].name, bases[ALIAS].digest) == (ALIAS, bases["miniature"].digest)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f'[aliases]\n"{ALIAS}" = "qwen"\n', "aliases of no base on the list: gpt-4o-mini-2024-07-18; name one of"),
        ('[aliases]\nminiature = "miniature"\n', "listed twice: miniature"),
        ('aliases = ["gpt"]\n', r"expected an \[aliases\] table"),
    ],
)
def test_a_wrong_alias_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(BaseModelError, match=complaint):
        read_entries(listed(tmp_path, text))


def test_a_base_may_be_served_by_vllm_its_aliases_too(tmp_path: Path) -> None:
    text = MINIATURE + 'vllm.url = "http://gpu:8000"\nvllm.model = "org/m"\n' + f'[aliases]\n"{ALIAS}" = "miniature"\n'
    file = listed(tmp_path, text)
    servers = read_servers(file, {"api_key": "k"}, tmp_path)
    assert set(servers) == {"miniature", ALIAS} == set(read_bases(file))
    assert servers["miniature"].adapters == tmp_path / "vllm" / "miniature"
    assert "k" not in repr(servers["miniature"]).split("api_key")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('vllm.url = "http://gpu:8000"\n', "needs a url and a model"),
        ('vllm = "http://gpu:8000"\n', "needs a url and a model"),
        ('vllm.url = "gpu:8000"\nvllm.model = "m"\n', "expected http"),
        ('vllm.url = "http://gpu:8000/v1"\nvllm.model = "m"\n', "without /v1"),
    ],
)
def test_a_wrong_vllm_server_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(BaseModelError, match=complaint):
        read_servers(listed(tmp_path, MINIATURE + line), {}, tmp_path)


HOSTED = """
[[bases]]
name = "hosted"
corpus = "english"
upstream.base_url = "https://provider.test/v1/"
upstream.model = "gpt"
"""


def test_a_base_may_lie_at_a_provider_its_aliases_too(tmp_path: Path) -> None:
    bases = read_bases(listed(tmp_path, HOSTED + f'[aliases]\n"{ALIAS}" = "hosted"\n'))
    providers = read_providers(bases, {"api_key": "k"})
    assert set(providers) == {"hosted", ALIAS}
    assert (providers["hosted"].base_url, providers["hosted"].model) == ("https://provider.test/v1", "gpt")
    assert "k" not in repr(providers["hosted"]).split("api_key")


def test_a_base_at_azure_is_asked_as_its_deployment_and_needs_azures_settings(tmp_path: Path) -> None:
    azure = HOSTED.replace("/v1/", "/openai/v1") + 'upstream.api_version = "v1"\nupstream.deployment = "mine"\n'
    bases = read_bases(listed(tmp_path, azure))
    with pytest.raises(BaseModelError, match="TUNEGATE_UPSTREAM_AZURE_RESOURCE"):
        read_providers(bases, {"api_key": "k"})
    server = read_providers(bases, {"api_key": "k", "azure_resource": "r"})["hosted"]
    assert (server.base_url, server.model) == ("https://provider.test/openai/v1", "mine")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HOSTED.replace('upstream.model = "gpt"', ""), "needs a base_url and a model"),
        (HOSTED.replace("https://", ""), "expected e.g. https://api.openai.com/v1"),
        (HOSTED + 'source = "/models/gpt"\n', "leave out source"),
        (HOSTED.replace('corpus = "english"', ""), "a name and a corpus"),
        (HOSTED + HOSTED.replace("hosted", "other").replace("provider", "elsewhere"), "there is one TUNEGATE_UPSTREAM"),
    ],
)
def test_a_wrong_provider_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(BaseModelError, match=complaint):
        read_bases(listed(tmp_path, text))
