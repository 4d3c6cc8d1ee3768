"""What every test needs: tiny models run on one thread."""

import os
from collections.abc import Iterator

import pytest
from servers import S3, Postgres, environment

# Before torch is imported anywhere: two OpenMP threads on a busy two-core machine spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# The optional encoder has tests of its own; the others neither wait for it nor differ where it is installed.
os.environ["TUNEGATE_ENCODER_MODEL"] = os.path.dirname(__file__)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A Postgres, started by the first test that needs one."""
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """An S3, and the environment in which this process finds it."""
    server = S3()
    with environment(server.environment):
        yield server
    server.stop()
