"""What a client is told of a provider's words while it trains."""

from pathlib import Path

from toy_shop import make_toy

from gateway.pipeline.telling import tell_messages
from gateway.store import events
from trainers.messages import Message, append
from trainers.run_directory import RunDirectory


def test_a_providers_words_are_told_once_each_also_by_another_worker(tmp_path: Path) -> None:
    toy, run = make_toy(tmp_path), RunDirectory(root=tmp_path)
    job_id, told = toy.submit(), 0
    for text, level in (("It begins.", "info"), ("It is slow.", "warn")):
        append(run, [Message(key=text, text=text, level=level)])
        told = tell_messages(toy.shop, job_id, tmp_path, "provider_metrics", after=told)
    assert tell_messages(toy.shop, job_id, tmp_path, "provider_metrics", after=0) == 2
    with toy.shop.database.read() as session:
        said = [(one.level, one.message) for one in events.all_of(session, toy.job(job_id)) if "provider" in one.kind]
    assert said == [("info", "The provider: It begins."), ("warn", "The provider: It is slow.")]
