"""Addresses that get the head of the decision log: what each has, and when it is tried again."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.store import decisions
from gateway.store.records import Decision, HeadPlace

MAX_PAUSE_S = 300
"""Between two attempts at a place that does not answer; the first pauses are shorter."""


def due(session: Session, url: str, *, now: int) -> Decision | None:
    """The head that a place should get now; None when it has it, or is not to be tried yet."""
    newest = decisions.head(session)
    place = session.get(HeadPlace, url)
    if newest is None or (place is not None and (place.sequence >= newest.sequence or place.next_attempt_at > now)):
        return None
    return newest


def note(session: Session, url: str, *, sequence: int, error: str | None, now: int) -> HeadPlace:
    """Write down how an attempt went; after a failure the next one waits, twice as long each time."""
    place = session.get(HeadPlace, url)
    if place is None:
        place = HeadPlace(url=url, sequence=0, published_at=None, failures=0, next_attempt_at=0, last_error=None)
        session.add(place)
    place.last_error = error
    if error is None:
        place.sequence, place.published_at = max(place.sequence, sequence), now
        place.failures, place.next_attempt_at = 0, 0
    else:
        place.failures += 1
        place.next_attempt_at = now + min(2**place.failures, MAX_PAUSE_S)
    return place


def keep(session: Session, urls: Collection[str]) -> None:
    """Forget the places that are not named any more."""
    session.execute(delete(HeadPlace).where(HeadPlace.url.not_in(urls)))


def every(session: Session) -> Sequence[HeadPlace]:
    """Each place that was ever tried, by address."""
    return session.scalars(select(HeadPlace).order_by(HeadPlace.url)).all()


def behind(session: Session, place: HeadPlace) -> int:
    """How many entries of the log the place does not vouch for."""
    newest = decisions.head(session)
    return 0 if newest is None else newest.sequence - place.sequence
