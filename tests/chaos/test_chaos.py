"""A short campaign; `make chaos` is the long one."""

from pathlib import Path

import pytest
from servers import S3, Postgres

from .campaign import Campaign

pytestmark = pytest.mark.slow


def test_three_kills_over_sqlite_lose_and_double_nothing(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, {}, 1, None, print)
    assert campaign.run(3) == []
    assert campaign.told


def test_three_kills_over_postgres_and_s3_lose_and_double_nothing(tmp_path: Path, postgres: Postgres, s3: S3) -> None:
    def crash() -> None:
        postgres.crash()
        postgres.start()

    variables = {"TUNEGATE_DATABASE_URL": postgres.create(), "TUNEGATE_BLOB_URL": s3.create()}
    campaign = Campaign(tmp_path, variables, 2, crash, print)
    assert campaign.run(3) == []
    assert campaign.told
