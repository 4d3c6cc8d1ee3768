"""Where projects hear of their jobs' ends, and what is yet to be told.

A message is written in the transaction that ends the job, so none is lost and none tells of what
was not committed; it is sent at least once, and receivers know a repeat by its id.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.errors import NotFound
from gateway.store.ids import IdKind, Ids, TokenBytes, derived
from gateway.store.models import Job, JobState
from gateway.store.scope import owned
from gateway.store.wire_models import Webhook, WebhookDelivery

SECRET_PREFIX = "whsec_"
TYPES = {
    JobState.RELEASED: "fine_tuning.job.succeeded",
    JobState.FAILED: "fine_tuning.job.failed",
    JobState.CANCELLED: "fine_tuning.job.cancelled",
}
DELAYS_S = (5, 60, 300, 1_800, 7_200, 18_000, 36_000)
"""Pauses between attempts; after the eighth a message is given up."""
CLAIM_S = 60
"""How long a worker that took a message up has to send it, before another may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that is to be sent now."""

    id: str
    url: str
    secret: str
    type: str
    job_id: str
    created_at: int


def create(session: Session, ids: Ids, token_bytes: TokenBytes, project_id: str, url: str, *, now: int) -> Webhook:
    """Let a project's jobs be told to a URL, which the caller has checked."""
    webhook = Webhook(
        id=ids.new(IdKind.WEBHOOK),
        project_id=project_id,
        url=url,
        secret=SECRET_PREFIX + base64.b64encode(token_bytes(32)).decode(),
        created_at=now,
        deleted_at=None,
    )
    session.add(webhook)
    session.flush()
    return webhook


def of_project(session: Session, project_id: str) -> Sequence[Webhook]:
    """A project's webhooks, oldest first."""
    query = owned(Webhook, project_id).where(Webhook.deleted_at.is_(None))
    return session.scalars(query.order_by(Webhook.created_at, Webhook.id)).all()


def delete(session: Session, webhook_id: str, *, now: int) -> Webhook:
    """Tell a URL nothing more, also nothing that waits; returns what told it. Raises `NotFound`."""
    webhook = session.get(Webhook, webhook_id)
    if webhook is None or webhook.deleted_at is not None:
        raise NotFound("webhook", webhook_id)
    webhook.deleted_at = now
    return webhook


def announce(session: Session, job: Job, *, now: int) -> None:
    """Write a message of a job's end for each webhook of its project; twice is once."""
    for webhook in of_project(session, job.project_id):
        id = derived(IdKind.NOTICE, webhook.id, job.id)
        if session.get(WebhookDelivery, id) is None:
            session.add(
                WebhookDelivery(
                    id=id,
                    webhook_id=webhook.id,
                    job_id=job.id,
                    type=TYPES[JobState(job.state)],
                    created_at=now,
                    attempts=0,
                    next_attempt_at=now,
                    delivered_at=None,
                    last_error=None,
                )
            )


def claim(session: Session, *, now: int, limit: int = 20) -> list[Message]:
    """Take up messages that are due; what is not settled comes back after `CLAIM_S` seconds."""
    query = (
        select(WebhookDelivery, Webhook)
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .where(WebhookDelivery.next_attempt_at <= now, Webhook.deleted_at.is_(None))
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(limit)
        .with_for_update(of=WebhookDelivery, skip_locked=True)
    )
    messages = []
    for delivery, webhook in session.execute(query).all():
        delivery.attempts += 1
        delivery.next_attempt_at = now + CLAIM_S
        messages.append(
            Message(
                id=delivery.id,
                url=webhook.url,
                secret=webhook.secret,
                type=delivery.type,
                job_id=delivery.job_id,
                created_at=delivery.created_at,
            )
        )
    return messages


def settle(session: Session, message_id: str, *, error: str | None, now: int) -> None:
    """Note how an attempt went; a failed one is made again after a longer pause, eight times at most."""
    delivery = session.get_one(WebhookDelivery, message_id)
    delivery.last_error = error
    if error is None:
        delivery.delivered_at, delivery.next_attempt_at = now, None
    elif delivery.attempts > len(DELAYS_S):
        delivery.next_attempt_at = None
    else:
        delivery.next_attempt_at = now + DELAYS_S[delivery.attempts - 1]
