"""`python -m deploy.relay`: the subprocess that stands between the gateway and another server.

As `deploy.engine`, it is told its secrets on the first line of standard input, the rest of which is a lifeline.
"""

import argparse
import asyncio
import json
import logging
import sys
import threading
from pathlib import Path

import aiohttp
from aiohttp import web

from deploy.endpoints.lifeline import die_with_parent
from deploy.errors import EngineUnavailable
from deploy.relay.server import Relayed, create_app
from deploy.relay.upstream import UpstreamModels
from deploy.relay.vllm import VllmAdapters
from deploy.types import TrustedBase, UpstreamServer, VllmServer

TIMEOUT_S = 600.0
logger = logging.getLogger(__name__)


def main() -> int:
    """Check that the server can be relied on, and relay until the lifeline ends."""
    arguments = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    given = json.loads(sys.stdin.readline())
    threading.Thread(target=die_with_parent, args=(arguments.socket,), daemon=True).start()
    try:
        asyncio.run(serve(arguments, given))
    except EngineUnavailable as exc:
        logger.error("cannot start: %s", exc)
    return 1


def parse_arguments() -> argparse.Namespace:
    """The command line; `deploy.engine.launching` writes it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.relay", description=__doc__)
    parser.add_argument("--base", required=True, help="directory of the base model")
    parser.add_argument("--base-name", required=True)
    parser.add_argument("--base-digest", required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--max-models", type=int, required=True)
    parser.add_argument("--url", required=True, help="of the vLLM server, without /v1, or of the provider, with it")
    parser.add_argument("--model", required=True, help="what the server calls the base model")
    parser.add_argument(
        "--adapters", help="directory that the vLLM server reads under the same path; a provider has none"
    )
    return parser.parse_args()


async def serve(arguments: argparse.Namespace, given: dict[str, str]) -> None:
    """Open the socket, which says that the relay is ready, and answer for ever. Raises EngineUnavailable."""
    base = TrustedBase(name=arguments.base_name, path=arguments.base, digest=arguments.base_digest)
    headers = {"Content-Type": "application/json"}
    if given["api_key"]:
        headers["Authorization"] = f"Bearer {given['api_key']}"
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S, connect=10.0)
    connector = aiohttp.TCPConnector(limit=0)
    # A provider may be behind a proxy; a vLLM server is in the operator's own network.
    trust_env = arguments.adapters is None
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=headers, trust_env=trust_env
    ) as session:
        relayed = behind(arguments, given, base, session)
        await relayed.check()
        runner = web.AppRunner(create_app(relayed, given["secret"]), handler_cancellation=True, access_log=None)
        await runner.setup()
        await web.UnixSite(runner, arguments.socket).start()
        logger.info("ready")
        await asyncio.Event().wait()


def behind(
    arguments: argparse.Namespace, given: dict[str, str], base: TrustedBase, session: aiohttp.ClientSession
) -> Relayed:
    """What the command line names: a vLLM server when there is a directory for adapters, else a provider."""
    key, api_key = bytes.fromhex(given["deployment_key"]), given["api_key"]
    if arguments.adapters is None:
        provider = UpstreamServer(base_url=arguments.url, model=arguments.model, api_key=api_key)
        return UpstreamModels(provider, base, key, session, max_models=arguments.max_models)
    server = VllmServer(url=arguments.url, model=arguments.model, adapters=Path(arguments.adapters), api_key=api_key)
    server.adapters.mkdir(parents=True, exist_ok=True)
    return VllmAdapters(server, base, key, session, max_models=arguments.max_models)


if __name__ == "__main__":
    sys.exit(main())
