"""The admin API, through OpenAI's own client where it has a method for it."""

from collections.abc import Iterator

import httpx
import openai
import pytest

from gateway.store import admin_keys, tenants


@pytest.fixture
def admin(gateway) -> Iterator[httpx.Client]:
    with gateway.admin() as client:
        yield client


@pytest.fixture
def sdk(gateway, admin) -> openai.OpenAI:
    key = admin.headers["Authorization"].removeprefix("Bearer ")
    return gateway.sdk.with_options(admin_api_key=key)


@pytest.fixture
def project(sdk, request) -> str:
    return sdk.admin.organization.projects.create(name=request.node.name).id


def status(gateway, key: str) -> int:
    return httpx.get(f"{gateway.url}/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code


def test_openais_client_makes_a_project_and_a_service_account_whose_key_works(gateway, sdk, project) -> None:
    projects = sdk.admin.organization.projects
    account = projects.service_accounts.create(project, name="ci")
    assert status(gateway, account.api_key.value) == 200
    (listed,) = projects.api_keys.list(project).data
    assert (listed.id, listed.owner.service_account.name) == (account.api_key.id, "ci")
    assert account.api_key.value.startswith(listed.redacted_value.rstrip("."))
    other = projects.create(name="another")
    for of_another in (projects.api_keys.retrieve, projects.api_keys.delete):
        with pytest.raises(openai.NotFoundError):
            of_another(listed.id, project_id=other.id)
    projects.api_keys.delete(listed.id, project_id=project)
    assert (status(gateway, account.api_key.value), projects.api_keys.list(project).data) == (401, [])


def test_a_user_is_one_principal_of_a_project_and_loses_its_keys_with_it(gateway, admin, sdk, project) -> None:
    email = f"{project}@example.com"
    user = admin.post("/v1/organization/users", json={"name": project, "email": email}).json()
    users = sdk.admin.organization.projects.users
    assert users.create(project, role="member", email=email).id == user["id"]
    path = f"/v1/organization/projects/{project}/users/{user['id']}/api_keys"
    one, two = (admin.post(path, json={"name": name}).json() for name in "ab")
    owners = {key.owner.user.id for key in sdk.admin.organization.projects.api_keys.list(project).data}
    assert owners == {user["id"]}
    assert users.update(user["id"], project_id=project, role="reviewer").role == "reviewer"
    users.delete(user["id"], project_id=project)
    assert [status(gateway, key["value"]) for key in (one, two)] == [401, 401]
    users.create(project, role="reviewer", user_id=user["id"])
    assert status(gateway, one["value"]) == 200


def test_a_person_who_leaves_is_forgotten_and_shut_out_everywhere(gateway, admin, project) -> None:
    user = admin.post("/v1/organization/users", json={"name": f"Ada {project}"}).json()
    members = f"/v1/organization/projects/{project}/users"
    admin.post(members, json={"user_id": user["id"], "role": "member"})
    key = admin.post(f"{members}/{user['id']}/api_keys", json={}).json()["value"]
    assert admin.delete(f"/v1/organization/users/{user['id']}").json()["deleted"] is True
    assert status(gateway, key) == 401
    assert "Ada" not in admin.get("/v1/organization/users").text + admin.get(members).text


def test_a_key_is_narrowed_and_limited_from_the_next_request_on(gateway, admin, sdk, project) -> None:
    key = sdk.admin.organization.projects.service_accounts.create(project, name="narrow").api_key
    path = f"/v1/organization/projects/{project}/api_keys/{key.id}"
    changed = admin.post(path, json={"scopes": ["files.read"], "limits": {"requests_per_minute": 9}}).json()
    assert (changed["scopes"], changed["limits"]) == (["files.read"], {"requests_per_minute": 9})
    answer = httpx.get(f"{gateway.url}/v1/files", headers={"Authorization": f"Bearer {key.value}"})
    assert (answer.status_code, answer.headers["x-ratelimit-limit-requests"]) == (200, "9")
    assert status(gateway, key.value) == 403


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("api_keys/{key}", {"scopes": ["all"]}, "models.export"),
        ("api_keys/{key}", {"limits": {"budget_per_month": 1}}, "requests_per_minute"),
        ("limits", {"limits": {"jobs_at_once": -1}}, "from 0"),
        ("service_accounts", {"name": "x", "role": "root"}, "member, reviewer, admin"),
        ("users", {"role": "member"}, "user_id"),
    ],
)
def test_what_cannot_be_set_is_a_400_that_says_what_can(admin, sdk, project, path, body, said) -> None:
    key = sdk.admin.organization.projects.service_accounts.create(project, name="x").api_key.id
    answer = admin.post(f"/v1/organization/projects/{project}/{path.format(key=key)}", json=body)
    assert (answer.status_code, said in answer.json()["error"]["message"]) == (400, True), answer.text


def test_an_archived_project_opens_to_nobody_and_takes_no_changes(gateway, admin, sdk, project) -> None:
    projects = sdk.admin.organization.projects
    key = projects.service_accounts.create(project, name="x").api_key.value
    assert projects.archive(project).status == "archived"
    assert status(gateway, key) == 401
    refused = admin.post(f"/v1/organization/projects/{project}", json={"name": "again"})
    assert (refused.status_code, "archived" in refused.text) == (400, True)
    assert project not in [found.id for found in projects.list(limit=100)]
    assert project in [found.id for found in projects.list(limit=100, include_archived=True)]


def test_lists_are_walked_page_by_page_to_their_end(sdk, project) -> None:
    accounts = sdk.admin.organization.projects.service_accounts
    made = {accounts.create(project, name=f"s{i}", create_service_account_only=True).id for i in range(5)}
    assert {found.id for found in accounts.list(project, limit=2)} == made


def test_a_rate_limit_set_by_openais_client_is_in_force(gateway, sdk, project) -> None:
    projects = sdk.admin.organization.projects
    key = projects.service_accounts.create(project, name="x").api_key.value
    (limit,) = projects.rate_limits.list_rate_limits(project).data
    projects.rate_limits.update_rate_limit(limit.id, project_id=project, max_requests_per_1_minute=2)
    assert [status(gateway, key) for _ in range(3)].count(429) >= 1


def test_admin_keys_are_listed_without_their_value_and_end_at_once(gateway, sdk) -> None:
    keys = sdk.admin.organization.admin_api_keys
    made = keys.create(name="second", expires_in_seconds=60)
    with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {made.value}"}) as second:
        assert second.get("/v1/organization/projects").status_code == 200
        assert made.value not in second.get("/v1/organization/admin_api_keys").text
        keys.delete(made.id)
        assert second.get("/v1/organization/projects").status_code == 401


def test_an_expired_admin_key_opens_nothing(gateway) -> None:
    services = gateway.services
    with services.database.write() as session:
        owner = tenants.ensure_organization(session, services.ids, "tunegate", now=1)
        key = admin_keys.create(
            session, services.ids, services.ids.token, organization_id=owner.id, name="a", now=1, expires_at=5
        )
        assert admin_keys.verify(session, key.value, now=4) is not None
        assert admin_keys.verify(session, key.value, now=5) is None
