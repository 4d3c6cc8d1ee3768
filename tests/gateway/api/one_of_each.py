"""An object of one project for every placeholder of a path."""

from collections.abc import Mapping
from typing import Any

import httpx

from gateway.store import admin_keys, exports, tenants
from gateway.store.ids import IdKind
from gateway.store.models import Model

NAME = "ft:miniature:tunegate::zzzz1234"


def one_of_each(gateway: Any, http: httpx.Client, tenant: Any, job: Any) -> Mapping[str, str]:
    """Ids by the placeholders' names; the job is released, and `key_id` is of an admin key."""
    name = f"{NAME}{job.id[-6:]}"
    gateway.release(job.id, name)
    services = gateway.services
    with services.database.write() as session:
        project = tenants.project(session, tenant.project_id)
        user = tenants.create_user(
            session, services.ids, organization_id=project.organization_id, name=job.id, email="", now=1
        )
        tenants.add_member(session, services.ids, user, project_id=project.id, role="member", now=1)
        account = tenants.principals(session, project.id, users=False)[0]
        admin = admin_keys.create(
            session, services.ids, services.ids.token, organization_id=project.organization_id, name="a", now=1
        )
        model = session.get_one(Model, name)
        export = exports.ask(session, model, id=services.ids.new(IdKind.EXPORT), actor="u", reason="r", now=1)
    upload = http.post("/v1/uploads", json={"filename": "f", "purpose": "fine-tune", "bytes": 9, "mime_type": "m"})
    return {
        "file_id": job.training_file,
        "job_id": job.id,
        "name": name,
        "screening_id": http.post(f"/v1/files/{job.training_file}/screening").json()["id"],
        "upload_id": upload.json()["id"],
        "export_id": export.id,
        "project_id": tenant.project_id,
        "user_id": user.id,
        "account_id": account.id,
        "key_id": admin.row.id,
        "limit_id": "rl-all",
    }
