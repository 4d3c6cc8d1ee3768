"""Nothing that was read is ever executed, and every way out of the process is known."""

import ast
from pathlib import Path

import pytest
from jinja2.exceptions import SecurityError
from transformers.utils.chat_template_utils import render_jinja_template

ROOT = Path(__file__).parents[2]
PACKAGES = ("moderation", "trainers", "evaluators", "deploy", "gateway")
EXECUTES = frozenset({"pickle", "marshal", "shelve", "joblib", "dill", "cloudpickle", "code", "runpy"})
CALLS = frozenset({"eval", "exec", "compile", "load_module", "unsafe_load", "full_load"})
OUTGOING = {
    "deploy/relay/__main__.py": "engines and providers of bases.toml",
    "evaluators/benchmarks/fetching.py": "the hub, by the operator's command",
    "gateway/cli/checkups.py": "what the operator configured, for `doctor`",
    "gateway/cli/doctor.py": "what the operator configured, for `doctor`",
    "gateway/demo/__main__.py": "the demo's own server",
    "gateway/engine_client.py": "engines, on Unix sockets",
    "gateway/publishing.py": "addresses of policies, checked by gateway.outbound",
    "gateway/scoring.py": "workers, on Unix sockets",
    "gateway/worker/notifying.py": "webhooks, checked by gateway.outbound",
    "moderation/chat/openai_compatible.py": "judges and models that the operator configured",
    "moderation/classifiers/omni.py": "the operator's moderation endpoint",
    "moderation/model_files.py": "the hub, models that the operator named",
    "trainers/bases.py": "the hub, models of bases.toml",
    "trainers/cluster/queueing.py": "the Ray cluster that the operator configured",
    "trainers/forwarding/deploying.py": "Azure's resource manager, for providers of bases.toml",
    "trainers/forwarding/provider.py": "providers of bases.toml",
}
"""Every file that opens connections to the outside, and who names their addresses. None of them is a tenant's but
those that `gateway.outbound` checks; a new file here is a new place to check."""
CLIENTS = frozenset(
    {
        "ClientSession", "OpenAI", "AsyncOpenAI", "Client", "AsyncClient", "urlopen", "snapshot_download",
        "open_connection", "open_unix_connection",
    }
)  # fmt: skip


Call = tuple[str, ast.Call, str]


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """Our code by file."""
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in paths}


@pytest.fixture(scope="module")
def calls(trees: dict[str, ast.Module]) -> list[Call]:
    """(file, call, name of what is called) of everything that our code calls."""
    found = ((file, node) for file, tree in trees.items() for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [(file, node, getattr(node.func, "id", getattr(node.func, "attr", ""))) for file, node in found]


def test_no_module_of_ours_imports_what_executes_what_it_reads(trees: dict[str, ast.Module]) -> None:
    for file, tree in trees.items():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & EXECUTES, file


def test_no_code_of_ours_is_made_of_text_and_no_checkpoint_is_unpickled(calls: list[Call]) -> None:
    for file, call, name in calls:
        assert not (name in CALLS and isinstance(call.func, ast.Name)), file
        if name == "load" and isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "torch":
            words = {word.arg: getattr(word.value, "value", None) for word in call.keywords}
            assert words.get("weights_only") is True, file
        for word in call.keywords:
            assert not (word.arg in ("trust_remote_code", "allow_pickle") and getattr(word.value, "value", 1)), file


def test_every_way_out_is_known_and_those_a_tenant_names_are_checked(calls: list[Call]) -> None:
    asked_directly = {file for file, call, _ in calls if getattr(getattr(call.func, "value", 0), "id", "") == "httpx"}
    assert {file for file, _, name in calls if name in CLIENTS} | asked_directly == OUTGOING.keys()
    checked = {file for file, why in OUTGOING.items() if "gateway.outbound" in why}
    assert {file for file, _, name in calls if name == "PublicResolver"} == checked


@pytest.mark.parametrize(
    "template",
    ["{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}", "{{ cycler.__init__.__globals__.os.popen('id') }}"],
)
def test_a_models_chat_template_runs_in_a_sandbox(template: str) -> None:
    with pytest.raises(SecurityError):
        render_jinja_template([[{"role": "user", "content": "hi"}]], chat_template=template)
