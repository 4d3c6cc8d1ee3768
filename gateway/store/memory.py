"""What a process remembers of the database, for as long as the database confirms it.

One row's number changes, in the same transaction, with every change that makes untrue what was true of a key, a
principal, a project, a model or an engine (triggers of migration 0007). So all that was read stays true while the
number stays the same, and one small query confirms all of it. What could not be confirmed for half a second is not
used: then the database is asked, and where it does not answer, nobody is served.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.store.errors import DatabaseUnavailable

CONFIRM_AFTER_S = 0.2
"""How old a confirmation may get before a request asks for the next one, for which it does not wait."""
TRUSTED_S = 0.5
"""How old it may get before requests wait for the next one."""
MAX_ANSWERS = 20_000
VERSION = text("SELECT version FROM validity")

A_co = TypeVar("A_co", covariant=True)
A = TypeVar("A")
logger = logging.getLogger(__name__)


class Question(Protocol[A_co]):
    """Something to ask the database: a hashable value, whose answer holds until the number changes."""

    def ask(self, session: Session) -> A_co | None:
        """The answer; None when there is none, which is not remembered."""

    def __hash__(self) -> int:
        """Equal questions have equal answers."""


class Memory:
    """Answers of one database. Safe to share between threads and event loops."""

    def __init__(
        self,
        read: Callable[[], AbstractContextManager[Session]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._answers: dict[Question[Any], Any] = {}
        self._version: int | None = None
        self._asked_at = float("-inf")
        """When the query that confirmed the answers last was begun."""
        self._writes = 0
        """Transactions of this process that may have changed the number."""
        self._writes_seen = 0
        self._confirming = False

    async def get(self, question: Question[A]) -> A | None:
        """The answer, remembered or read in a thread. Raises `DatabaseUnavailable`."""
        found = self.recall(question)
        if found is None:
            return await asyncio.to_thread(self.find, question)
        if self._monotonic() - self._asked_at > CONFIRM_AFTER_S and not self._confirming:
            self._confirming = True
            asyncio.get_running_loop().run_in_executor(None, self._confirm)
        return found

    def recall(self, question: Question[A]) -> A | None:
        """The answer that is remembered; None where it is not, or where nothing confirmed it for too long."""
        if self._writes != self._writes_seen or self._monotonic() - self._asked_at > TRUSTED_S:
            return None
        found: A | None = self._answers.get(question)
        return found

    def find(self, question: Question[A]) -> A | None:
        """The answer, confirmed by the database now. Raises `DatabaseUnavailable`."""
        writes, asked_at = self._writes, self._monotonic()
        with self._read() as session:
            # Before the answer: what changes in between is found by the next look at the number.
            version = session.scalar(VERSION)
            if self._note(version, asked_at, writes):
                known: A | None = self._answers.get(question)
                if known is not None:
                    return known
            found = question.ask(session)
        if found is not None:
            self._keep(version, question, found)
        return found

    def doubt(self) -> None:
        """Something was written here that may have changed the number: the next request asks for it."""
        with self._lock:
            self._writes += 1

    def forget(self, question: Question[A]) -> None:
        """Ask the database again at the next request."""
        self._answers.pop(question, None)

    def _confirm(self) -> None:
        writes, asked_at = self._writes, self._monotonic()
        try:
            with self._read() as session:
                self._note(session.scalar(VERSION), asked_at, writes)
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            logger.warning("what is remembered of the database was not confirmed: %s", type(error).__name__)
        finally:
            self._confirming = False

    def _note(self, version: int, asked_at: float, writes: int) -> bool:
        """Take in what the number is; whether the answers here are those of that number."""
        with self._lock:
            if asked_at >= self._asked_at:
                if version != self._version:
                    self._answers = {}
                self._version, self._asked_at, self._writes_seen = version, asked_at, writes
            return version == self._version

    def _keep(self, version: int, question: Question[A], answer: A) -> None:
        with self._lock:
            if version == self._version:
                if len(self._answers) >= MAX_ANSWERS:
                    self._answers = {}
                self._answers[question] = answer
