"""One project's objects are to another project as if they had never been: on every route that is served."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from one_of_each import one_of_each

from gateway.api.app import create_app
from gateway.api.rules import ADMIN_ACTS, RULES
from gateway.store import admin_keys, released, tenants
from gateway.store.permissions import BY_NAME, Permission, allowed

VOLATILE = ("x-request-id", "openai-processing-ms", "date")
BODIES: Mapping[str, Mapping[str, Any]] = {
    "/review": {"decision": "release", "reason": "x"},
    "/contest": {"reason": "x"},
    "/release": {"reason": "x"},
    "/export": {"reason": "x"},
    "/complete": {"part_ids": ["part_x"]},
    "/users": {"user_id": "x", "role": "member"},
    "/users/{user_id}": {"role": "member"},
    "/service_accounts": {"name": "x"},
    "/service_accounts/{account_id}": {"role": "member"},
    "/rate_limits/{limit_id}": {"max_tokens_per_1_minute": 1},
    "/limits": {"limits": {"jobs_at_once": 1}},
}
"""What a route needs in its body to get as far as looking for the object, by the end of its path."""
FORM = {"data": ("x", b"x")}


@pytest.fixture
def stranger(gateway):
    """A key of another project that may do everything there is to do in a project."""
    with gateway.http(gateway.tenant("admin", permissions=list(Permission))) as client:
        yield client


@pytest.fixture
def objects(gateway, http, tenant, new_job) -> Mapping[str, str]:
    return one_of_each(gateway, http, tenant, new_job())


def routes(gateway) -> list[tuple[str, str]]:
    paths = create_app(gateway.services).openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def asked(client: httpx.Client, method: str, path: str) -> httpx.Response:
    """A request that is right in everything but the object that it names."""
    if path.endswith("/parts"):
        return client.request(method, path, files=FORM)
    return client.request(method, path)


def answer(client: httpx.Client, method: str, template: str, ids: Mapping[str, str]) -> str:
    """Status, headers and body of an answer, with the ids that were asked for blotted out."""
    path = template.format(**ids)
    body = next((body for end, body in BODIES.items() if template.endswith(end)), {})
    form = {"files": FORM} if path.endswith("/parts") else {"json": body} if method == "POST" else {}
    found = client.request(method, path, **form)
    headers = sorted(item for item in found.headers.items() if item[0] not in VOLATILE)
    text = repr((found.status_code, headers, found.text))
    for id in ids.values():
        text = text.replace(id, "ID")
    return text


def test_every_route_of_a_project_hides_another_projects_objects(gateway, stranger, objects) -> None:
    never = {name: id[:-4] + "none" for name, id in objects.items()}
    walked = 0
    for method, path in routes(gateway):
        if "{" in path and (method, path) in RULES:
            there, nowhere = (answer(stranger, method, path, ids) for ids in (objects, never))
            assert there == nowhere, (method, path)
            assert there.startswith("(404"), (method, path, there)
            walked += 1
    assert walked >= 20
    with gateway.services.database.read() as session:
        assert session.get_one(released.Model, objects["name"]).revoked_at is None


def test_every_admin_route_hides_another_organisations_objects(gateway, objects) -> None:
    services = gateway.services
    with services.database.write() as session:
        other = tenants.ensure_organization(session, services.ids, "other", now=1)
        key = admin_keys.create(session, services.ids, services.ids.token, organization_id=other.id, name="a", now=1)
    never = {name: id[:-4] + "none" for name, id in objects.items()}
    with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {key.value}"}) as client:
        for method, path in routes(gateway):
            if path.startswith("/v1/organization/") and "{" in path:
                there, nowhere = (answer(client, method, path, ids) for ids in (objects, never))
                assert there == nowhere, (method, path)
                assert there.startswith("(404"), (method, path, there)
        lists = [path for method, path in routes(gateway) if path.startswith("/v1/organization/") and "{" not in path]
        shown = "".join(client.get(path).text for path in sorted(set(lists)))
    assert not [id for id in objects.values() if id in shown and id != "rl-all"]


def test_every_route_has_a_rule_and_every_rule_a_route(gateway) -> None:
    open_to_all = {("GET", "/healthz"), ("GET", "/readyz")}
    served = set(routes(gateway)) - open_to_all
    administration = {route for route in served if route[1].startswith("/v1/organization/")}
    assert served - administration == set(RULES)
    assert {route for route in administration if route[0] != "GET"} == set(ADMIN_ACTS)


def test_no_key_opens_the_routes_of_the_other_kind(gateway, stranger, objects) -> None:
    with gateway.services.database.read() as session:
        organization = tenants.project(session, objects["project_id"]).organization_id
    with gateway.admin(organization) as admin:
        for method, path in routes(gateway):
            if path in ("/healthz", "/readyz"):
                continue
            administers = path.startswith("/v1/organization/")
            found = asked(stranger if administers else admin, method, path.format(**objects))
            assert found.status_code == (403 if administers else 401), (method, path)


@pytest.mark.parametrize("file", ["training_file", "validation_file"])
def test_another_projects_file_trains_nothing(stranger, client, rows, file) -> None:
    foreign = client.files.create(file=("a", rows), purpose="fine-tune").id
    texts = [
        stranger.post("/v1/fine_tuning/jobs", json={"model": "miniature", "training_file": "file-x", file: id}).text
        for id in (foreign, "file-none")
    ]
    assert texts[0].replace(foreign, "ID") == texts[1].replace("file-none", "ID")


@pytest.mark.parametrize("path", ["/v1/fine_tuning/jobs", "/v1/chat/completions"])
def test_another_projects_model_answers_and_trains_nothing(stranger, objects, path) -> None:
    def ask(name: str) -> str:
        body = {"messages": [{"role": "user", "content": "x"}]} if "chat" in path else {"training_file": "file-x"}
        found = stranger.post(path, json=body | {"model": name})
        assert found.status_code == 404
        return found.text.replace(name, "ID")

    assert ask(objects["name"]) == ask("ft:none")


def test_another_projects_objects_are_in_no_list(stranger, objects) -> None:
    for path in ("/v1/files", "/v1/fine_tuning/jobs"):
        assert stranger.get(path).json()["data"] == []
    assert [model["id"] for model in stranger.get("/v1/models").json()["data"]] == ["miniature"]


def test_another_projects_cursor_is_no_cursor(stranger, objects) -> None:
    assert stranger.get(f"/v1/files?after={objects['file_id']}").status_code == 400
    assert stranger.get(f"/v1/fine_tuning/jobs?after={objects['job_id']}").status_code == 400


def test_no_role_may_export_or_read_metrics_and_no_key_may_more_than_its_role() -> None:
    assert not [role for role in ("member", "reviewer", "admin") if BY_NAME & allowed(role, None)]
    assert allowed("member", [Permission.EXPORT, Permission.FORCE]) == {Permission.EXPORT}
    assert allowed("nobody", None) == frozenset()


def test_a_key_of_few_permissions_is_refused_the_rest_before_anything_is_looked_for(
    gateway, new_job: Callable[..., Any], tenant
) -> None:
    id = new_job().id
    narrow = gateway.tenant("admin", tenant.project_id, permissions=["fine_tuning.read"])
    with gateway.http(narrow) as client:
        assert client.get(f"/v1/fine_tuning/jobs/{id}").status_code == 200
        refused = [client.post(f"/v1/fine_tuning/jobs/{one}/cancel") for one in (id, "ftjob-none")]
    assert [(one.status_code, one.json()["error"]["code"]) for one in refused] == [
        (403, "insufficient_permissions")
    ] * 2
