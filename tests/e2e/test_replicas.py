"""Two whole gateways over one Postgres and one S3, which cannot reach each other's sockets, as on two machines:
what one was doing when it was killed goes on in the other, and both answer chats.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from openai import NotFoundError, OpenAI
from servers import S3, Postgres

from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import released

from .installation import Gateway, chat_rows, messages, submit, until, wait_over

pytestmark = pytest.mark.slow
TAKEN_OVER_S = 60.0
GONE_S = 1.0


@pytest.fixture(scope="module")
def pair(postgres: Postgres, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gateway]]:
    """By the name of its worker."""
    shared = {"TUNEGATE_DATABASE_URL": postgres.create(), "TUNEGATE_BLOB_URL": s3.create()}
    homes = {name: tmp_path_factory.mktemp(name) for name in ("one", "two")}
    gateways = {
        name: Gateway(home=home, variables=shared | {"TUNEGATE_WORKER_ID": name, "TMPDIR": str(home / "tmp")})
        for name, home in homes.items()
    }
    for gateway in gateways.values():
        gateway.prepare()
        Path(gateway.environment["TMPDIR"]).mkdir()
    gateways["one"].start()
    shutil.copy(gateways["one"].home / "attestation.key", gateways["two"].home)
    gateways["two"].start()
    yield gateways
    for gateway in gateways.values():
        gateway.stop()


def at(gateway: Gateway, client: OpenAI) -> OpenAI:
    return client.with_options(base_url=gateway.base_url)


def worker_of(gateway: Gateway, job_id: str) -> str:
    query = "SELECT executor_id FROM dbos.workflow_status WHERE workflow_uuid = %s"
    with psycopg.connect(gateway.variables["TUNEGATE_DATABASE_URL"]) as connection:
        return str(connection.execute(query, [job_id]).fetchall()[0][0])


def test_a_killed_gateways_job_goes_on_in_the_other_within_a_minute_and_once(pair: dict[str, Gateway]) -> None:
    client = pair["one"].client("replicas", "quick")
    job_id = submit(client, chat_rows(200))
    until("the training", lambda: any(m.startswith("Step ") for m in messages(client, job_id)))
    name = worker_of(pair["one"], job_id)
    killed, other = pair[name], pair["two" if name == "one" else "one"]
    killed.kill()
    began, client = time.monotonic(), at(other, client)
    until("the other", lambda: worker_of(other, job_id) != name, timeout_s=TAKEN_OVER_S)
    assert time.monotonic() - began < TAKEN_OVER_S
    assert wait_over(client, job_id) == "succeeded", messages(client, job_id)
    told = messages(client, job_id)
    assert len(told) == len(set(told))
    killed.start()
    model = client.fine_tuning.jobs.retrieve(job_id).fine_tuned_model
    assert model is not None
    assert_revoked_everywhere(pair, client, model)


def assert_revoked_everywhere(pair: dict[str, Gateway], client: OpenAI, model: str) -> None:
    """Revoke at one, and look at both."""
    asked = [{"role": "user", "content": "Count to 3."}]
    for gateway in pair.values():  # one has just started, and its engine has yet to
        patient = at(gateway, client).with_options(max_retries=3)
        patient.chat.completions.create(model=model, messages=asked, max_tokens=4)  # type: ignore[arg-type]
    store = Store.open(Settings.read(pair["one"].environment))
    with store.database.write() as session:
        released.revoke(session, model, why="test", actor="operator", now=store.now())
    store.database.close()
    time.sleep(GONE_S)
    for gateway in pair.values():
        with pytest.raises(NotFoundError):
            at(gateway, client).chat.completions.create(model=model, messages=asked)  # type: ignore[arg-type]
