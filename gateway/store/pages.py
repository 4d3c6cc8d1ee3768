"""Cursor pagination: `after` names an object, and the page begins behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from gateway.store.errors import UnknownCursor

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some rows, and whether more follow them."""

    rows: Sequence[T]
    has_more: bool


def page_of(
    session: Session,
    query: Select[T],
    columns: tuple[InstrumentedAttribute[str], InstrumentedAttribute[Any]],
    *,
    after: str | None,
    limit: int,
    descending: bool = True,
    cursors: Select[T] | None = None,
) -> Page[T]:
    """At most `limit` rows of `query`. `columns` are the id and what orders it, unique within the query.

    `cursors` is where `after` is looked up: it may hold rows that are no longer listed, so that a
    client which deletes what it walks over goes on. Raises `UnknownCursor`.
    """
    id_column, order_column = columns
    if after is not None:
        scope = query if cursors is None else cursors
        found = scope.with_only_columns(order_column).where(id_column == after)
        position = session.scalar(found)
        if position is None:
            raise UnknownCursor(after)
        query = query.where(order_column < position if descending else order_column > position)
    order = order_column.desc() if descending else order_column.asc()
    rows = session.scalars(query.order_by(order).limit(limit + 1)).all()
    return Page(rows=rows[:limit], has_more=len(rows) > limit)
