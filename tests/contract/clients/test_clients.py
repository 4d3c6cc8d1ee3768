"""Real clients, unchanged, against a real server: each script ends with status 0 when its client was served well."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .environments import CannotInstall, Client, command
from .standin import StandIn, running

QUICK = (
    Client("openai-python-1.109.1", ("openai==1.109.1", "distro==1.9.0"), "openai_python.py", shares=True),
    Client("openai-python-installed", (), "openai_python.py"),
)
SLOW = (
    Client("openai-python-2.54.0", ("openai==2.54.0", "distro==1.9.0"), "openai_python.py", shares=True),
    Client("openai-python-3.54.0", ("openai==3.54.0",), "openai_python.py"),
    Client("openai-node-4.104.0", ("openai@4.104.0",), "openai_node.mjs"),
    Client("openai-node-7.57.0", ("openai@7.57.0",), "openai_node.mjs"),
    Client("litellm-1.106.2", ("litellm==1.106.2",), "lite_llm.py"),
    Client("dspy-3.4.1", ("dspy==3.4.1",), "dspy_provider.py"),
    Client(
        "llama-index-0.4.2",
        ("llama-index-core>=0.14,<0.15", "llama-index-llms-openai", "requests"),
        "llama_index_engine.py",
        beside=("llama-index-finetuning==0.4.2",),
    ),
    Client("wandb-0.31.0", ("wandb==0.31.0", "openai==3.54.0", "pandas", "numpy"), "wandb_sync.py"),
)
RUN_TIMEOUT_S = 300.0
ALL = "TUNEGATE_CLIENTS_ALL"
"""Set where a client that cannot be installed is a failure: `make test-clients` sets it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running(tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.mark.parametrize("client", QUICK, ids=lambda client: client.name)
def test_openais_package_is_served(client: Client, server: StandIn, tmp_path: Path) -> None:
    drive(client, server, tmp_path)


@pytest.mark.clients
@pytest.mark.parametrize("client", SLOW, ids=lambda client: client.name)
def test_a_client_is_served(client: Client, server: StandIn, tmp_path: Path) -> None:
    drive(client, server, tmp_path)


def drive(client: Client, server: StandIn, home: Path) -> None:
    """Run a client's script in a folder of its own."""
    try:
        run, more = command(client)
    except CannotInstall as exc:
        if os.environ.get(ALL):
            raise
        pytest.skip(f"{client.name} cannot be installed: {exc}")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    variables |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_BASE": server.base_url} | more
    variables |= {"OPENAI_API_KEY": server.key, "HOME": str(home), "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    variables |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        run, cwd=home, env=variables, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
