"""An organisation's admin key cannot undo what the operator set."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest

from gateway.store import tenants
from gateway.store.models import Project
from gateway.store.permissions import OF_ROLE, Permission

PROJECTS = "/v1/organization/projects"


@pytest.fixture
def admin(gateway) -> Iterator[httpx.Client]:
    with gateway.admin() as client:
        yield client


@pytest.fixture
def project(admin, request) -> str:
    id: str = admin.post(PROJECTS, json={"name": request.node.name}).json()["id"]
    return id


@pytest.fixture
def operated(gateway, serve, admin) -> Iterator[Callable[..., httpx.Client]]:
    """The same gateway under other settings, for the same admin key."""
    with ExitStack() as opened:

        def under(**settings: Any) -> httpx.Client:
            services = replace(gateway.services, settings=replace(gateway.services.settings, **settings))
            url = opened.enter_context(serve(services))
            return opened.enter_context(httpx.Client(base_url=url, headers=admin.headers, timeout=20))

        yield under


def bound(gateway, project: str, policy: str) -> None:
    with gateway.services.database.write() as session:
        session.get_one(Project, project).policy_name = policy


def code(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("error", {}).get("code")


REFUSED = (403, "insufficient_permissions")


def test_a_project_is_not_bound_to_a_policy_that_the_operator_does_not_list(gateway, admin, project) -> None:
    assert code(admin.post(PROJECTS, json={"name": f"{project} 2", "policy": "shadow"})) == REFUSED
    assert code(admin.post(f"{PROJECTS}/{project}", json={"policy": "shadow"})) == REFUSED
    assert admin.get(f"{PROJECTS}/{project}").json()["policy"] == "default"


def test_a_project_is_not_taken_from_a_policy_that_the_operator_bound(gateway, admin, project) -> None:
    bound(gateway, project, "strict")
    assert code(admin.post(f"{PROJECTS}/{project}", json={"policy": "default"})) == REFUSED
    assert admin.post(f"{PROJECTS}/{project}", json={"policy": "strict", "name": f"{project} 3"}).status_code == 200


def test_policies_that_the_operator_lists_are_the_organisations_to_bind(operated, project) -> None:
    client = operated(organization_policies=("clinic",))
    found = [client.post(f"{PROJECTS}/{project}", json={"policy": name}).json() for name in ("clinic", "default")]
    assert [one["policy"] for one in found] == ["clinic", "default"]


def account(client: httpx.Client, project: str, role: str = "reviewer") -> Any:
    return client.post(f"{PROJECTS}/{project}/service_accounts", json={"name": "x", "role": role})


def test_nobody_is_made_an_admin_by_an_admin_key(admin, project) -> None:
    id = account(admin, project).json()["id"]
    user = admin.post("/v1/organization/users", json={"name": f"ada {project}"}).json()["id"]
    users = f"{PROJECTS}/{project}/users"
    admin.post(users, json={"user_id": user, "role": "member"})
    assert code(account(admin, project, "owner")) == REFUSED
    assert code(admin.post(f"{PROJECTS}/{project}/service_accounts/{id}", json={"role": "admin"})) == REFUSED
    assert code(admin.post(users, json={"user_id": user, "role": "admin"})) == REFUSED
    assert code(admin.post(f"{users}/{user}", json={"role": "owner"})) == REFUSED


@pytest.mark.parametrize("named", sorted({Permission.EXPORT, Permission.METRICS, Permission.FORCE}))
def test_a_key_that_an_admin_key_makes_or_changes_names_nothing_that_is_the_operators(admin, project, named) -> None:
    made = account(admin, project).json()
    keys = f"{PROJECTS}/{project}/service_accounts/{made['id']}/api_keys"
    assert code(admin.post(keys, json={"scopes": ["files.read", named]})) == REFUSED
    changed = admin.post(f"{PROJECTS}/{project}/api_keys/{made['api_key']['id']}", json={"scopes": [named]})
    assert code(changed) == REFUSED


def test_a_key_that_an_admin_key_makes_for_an_admin_forces_no_release(gateway, admin, project) -> None:
    services = gateway.services
    with services.database.write() as session:
        who = tenants.create_principal(session, services.ids, project_id=project, name="x", role="admin", now=1)
    key = admin.post(f"{PROJECTS}/{project}/service_accounts/{who.id}/api_keys", json={}).json()["value"]
    forced = httpx.post(
        f"{gateway.url}/v1/fine_tuning/jobs/x/release", json={"reason": "x"}, headers={"Authorization": f"Bearer {key}"}
    )
    assert code(forced) == REFUSED


def test_what_the_operator_grants_is_the_organisations_to_hand_out(operated, project) -> None:
    client = operated(organization_grants=OF_ROLE["admin"] | {Permission.EXPORT})
    made = account(client, project, "admin").json()
    assert (made["role"], made["api_key"]["scopes"]) == ("admin", None)
    keys = f"{PROJECTS}/{project}/service_accounts/{made['id']}/api_keys"
    assert client.post(keys, json={"scopes": ["models.export"]}).json()["scopes"] == ["models.export"]


def test_limits_are_never_set_above_the_operators(operated, project) -> None:
    client = operated(project_requests_per_minute=60, key_tokens_per_minute=9)
    path = f"{PROJECTS}/{project}"
    limits = [client.post(f"{path}/limits", json={"limits": {"requests_per_minute": n}}) for n in (61, 0, 30)]
    assert [one.status_code for one in limits] == [400, 200, 200]
    rate = client.post(f"{path}/rate_limits/rl-all", json={"max_requests_per_1_minute": 61})
    key = account(client, project).json()["api_key"]["id"]
    of_key = client.post(f"{path}/api_keys/{key}", json={"limits": {"tokens_per_minute": 10}})
    assert (rate.status_code, of_key.status_code, "at most 9" in of_key.text) == (400, 400, True)
    client.post(f"{path}/limits", json={"limits": {"requests_per_minute": 0}})
    assert client.get(f"{path}/rate_limits").json()["data"][0]["max_requests_per_1_minute"] == 60
