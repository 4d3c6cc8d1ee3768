"""`python -m gateway.worker_process`: one worker process."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from gateway.children import die_with, hold
from gateway.compose.back import Parts
from gateway.compose.store import Store
from gateway.policy import Policy
from gateway.publishing import Publisher, addresses
from gateway.settings import Settings
from gateway.telemetry.logs import log_to_stderr
from gateway.worker.process import Outlets, run
from moderation.errors import TunegateError

CANNOT_START = 2
"""Exit status that tells the supervisor not to try again."""


def main() -> int:
    """Work until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m gateway.worker_process", description=__doc__)
    parser.add_argument("--parent", type=int, help="process to end with")
    arguments = parser.parse_args()
    if arguments.parent is not None:
        die_with(arguments.parent)
    try:
        settings = Settings.read(os.environ)
    except TunegateError as error:
        logging.getLogger(__name__).error("cannot start: %s", error)
        return CANNOT_START
    log_to_stderr("worker", settings.log_format)
    return work(settings)


def work(settings: Settings) -> int:
    """Put the worker together and run it; returns only when it cannot start."""
    try:
        lock = hold(
            settings.home / f"worker-{settings.worker_id}.lock",
            f"the worker {settings.worker_id!r}",
            "give this one a TUNEGATE_WORKER_ID of its own",
        )
        parts = Parts.assemble(Store.open(settings))
        outlets = outlets_of(settings, [*parts.shop.book.values()])
    except (TunegateError, ValueError) as error:
        logging.getLogger(__name__).error("cannot start: %s", error)
        return CANNOT_START
    with lock:
        run(
            parts.shop,
            parts.audit_engines,
            parts.serving,
            parts.moderators,
            worker_id=settings.worker_id,
            system_database_url=parts.system_database_url,
            jobs_at_once=settings.jobs_at_once,
            outlets=outlets,
        )
    return 0


def outlets_of(settings: Settings, book: Sequence[Policy]) -> Outlets:
    """Where this installation tells of what happened. Raises `PolicyError` for an address that is not sent to."""
    allow_private = settings.webhooks_allow_private
    return Outlets(
        heads_file=settings.log_heads_file,
        heads_urls=addresses({policy.name: policy.log.publish for policy in book}, allow_private=allow_private),
        publisher=Publisher(token=settings.log_heads_token, allow_private=allow_private),
        webhooks_allow_private=allow_private,
        vitals_at=(settings.host, settings.worker_port) if settings.worker_port else None,
    )


if __name__ == "__main__":
    sys.exit(main())
