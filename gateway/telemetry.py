"""Logs of the processes: identifiers and counts on standard error, one line each."""

import logging
import sys

FORMAT = "%(asctime)s {process} %(levelname)s %(name)s: %(message)s"
QUIET = ("httpx", "httpx2", "openai", "alembic", "sqlalchemy", "dbos", "asyncio", "aiohttp.access")


def log_to_stderr(process: str, *, level: int = logging.INFO) -> None:
    """Send this process's log to standard error, under its name. Libraries only warn."""
    logging.basicConfig(level=level, stream=sys.stderr, format=FORMAT.format(process=process))
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
