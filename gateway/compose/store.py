"""Composition of what is kept: every command that reads or writes the installation starts here."""

import logging
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from gateway.errors import SettingsError
from gateway.settings import Settings, own_directory
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.errors import DatabaseUnavailable
from gateway.store.ids import Ids

AWAY_RETRY_S = 2.0
KEY_FILE = "attestation.key"
KEY_BYTES = 32

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What is kept: rows, bytes, and what makes identifiers."""

    settings: Settings
    database: Database
    blobs: Blobs
    ids: Ids

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the store of an installation; the first to open it makes its directories and tables."""
        store = cls.connect(settings)
        store.database.migrate()
        return store

    @classmethod
    def open_patiently(cls, settings: Settings) -> Self:
        """The same for a process that is to come back by itself: a database that is away is waited for."""
        while True:
            try:
                return cls.open(settings)
            except DatabaseUnavailable as error:
                logger.warning("waiting: %s", error)
                time.sleep(AWAY_RETRY_S)

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """The same without the tables. Raises `SettingsError` for a URL that cannot be used."""
        own_directory(settings.home)
        try:
            database = Database.open(settings.database_url)
        except ValueError as exc:
            raise SettingsError(f"TUNEGATE_DATABASE_URL: {exc}") from exc
        try:
            blobs = Blobs.open_store(settings.blob_url, settings.home / "cache")
        except ValueError as exc:
            raise SettingsError(f"TUNEGATE_BLOB_URL: {exc}") from exc
        return cls(settings=settings, database=database, blobs=blobs, ids=Ids(secrets.token_bytes))

    def now(self) -> int:
        """Unix seconds."""
        return int(time.time())


def signing_key(settings: Settings) -> bytes:
    """The deployment's key for attestations, made once and kept in the home, readable by its owner only."""
    path = settings.home / KEY_FILE
    if not path.exists():
        part = path.with_name(f"{KEY_FILE}.{secrets.token_hex(4)}")
        part.touch(mode=0o600)
        part.write_bytes(secrets.token_bytes(KEY_BYTES))
        try:
            with suppress(FileExistsError):  # of several that start at once, one wins, and all read its key
                path.hardlink_to(part)
        finally:
            part.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise SettingsError(f"{path} has {len(key)} bytes; expected {KEY_BYTES}: restore it from your backup")
    return key
