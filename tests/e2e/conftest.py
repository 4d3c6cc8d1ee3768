"""One real server for the tests that can share it."""

from collections.abc import Iterator

import pytest

from .installation import Gateway
from .overloaded import overloaded


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A server that the tests of this folder share."""
    with overloaded() as outside:
        gateway = Gateway(home=tmp_path_factory.mktemp("home"), outside=outside)
        gateway.prepare()
        gateway.start()
        yield gateway
        assert gateway.stop() == 0
