"""Creates that a client sends again: which object another sending of the same request has made.

A client that lost an answer, or gave up waiting for it, sends its request again and says how often it has. An object
remembers which request made it, and at which sending, so that together they make one.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_

from gateway.store.models import File, Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One sending of a create."""

    digest: str
    """Of the key and of everything that is asked for."""
    retries: int
    """How often the client had sent it before."""
    since: int
    """Unix second from which on what another sending made is the answer to this one."""


def mark(row: File | Job, sending: Sending) -> None:
    """Remember what made a row."""
    row.request_digest, row.request_retries = sending.digest, sending.retries


def made_by_another(table: type[File] | type[Job], sending: Sending) -> ColumnElement[bool]:
    """Whether a row was made by another sending of the same request."""
    return and_(
        table.request_digest == sending.digest,
        table.request_retries != sending.retries,
        table.created_at >= sending.since,
    )
