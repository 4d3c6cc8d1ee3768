"""An installation's database, for tests of what uses it."""

import pytest

from gateway.compose.store import Store
from gateway.settings import Settings


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated SQLite database: to migrate one costs more than most tests that need it."""
    home = tmp_path_factory.mktemp("migrated")
    Store.open(Settings.read({"TUNEGATE_HOME": str(home)})).database.close()
    return (home / "tunegate.db").read_bytes()
