"""Policies by digest, kept for ever as they were when something was pinned to them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from gateway.store.models import PolicyVersion


def pin(session: Session, *, digest: str, name: str, document: Mapping[str, Any], now: int) -> None:
    """Keep a policy; one that is known already stays as it is."""
    if session.get(PolicyVersion, digest) is None:
        session.add(PolicyVersion(digest=digest, name=name, document=dict(document), created_at=now))
        session.flush()


def reviewers(session: Session, digest: str) -> int:
    """People who must agree to a release under a pinned policy."""
    document = session.get_one(PolicyVersion, digest).document
    return int(document.get("release", {}).get("reviewers", 1))
