from pathlib import Path

from toy_shop import make_toy

from gateway.api.job_metrics import JobMetrics
from gateway.api.metrics import installation
from gateway.store import screenings
from gateway.store.models import File, Job, JobState
from gateway.store.records import Reopening
from gateway.worker.file_screenings import screen_next


def test_what_became_of_a_job_is_counted_once_by_those_who_looked_before(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, injection={"ratio": 1.0})
    early, late = JobMetrics(), JobMetrics()
    with toy.shop.database.read() as session:
        early.look(session)
    assert toy.tell(toy.submit()).state == JobState.RELEASED
    for _ in range(2):
        with toy.shop.database.read() as session:
            late.look(session)
            early.look(session)
            now = list(installation(session, now=100))
    told = list(early.lines())
    for line in (
        'tunegate_jobs_ended_total{outcome="released"} 1',
        'tunegate_screenings_total{verdict="pass"} 1',
        'tunegate_releases_total{by="rule"} 1',
        'tunegate_audit_replies_total{arm="neutral",side="candidate",judged="other"} 11',
        'tunegate_stage_seconds_bucket{stage="training",le="1"} 1',
        'tunegate_stage_seconds_count{stage="waiting"} 1',
    ):
        assert line in told
    assert 'tunegate_models{state="released"} 1' in now
    assert [line for line in late.lines() if not line.startswith("#") and not line.endswith(" 0")] == []
    toy.shop.database.close()


def test_a_withheld_model_is_counted_as_such_with_the_audits_harm(tmp_path: Path) -> None:
    toy, metrics = make_toy(tmp_path), JobMetrics()
    with toy.shop.database.read() as session:
        metrics.look(session)
    toy.tell(toy.submit())
    with toy.shop.database.read() as session:
        metrics.look(session)
    told = list(metrics.lines())
    assert 'tunegate_jobs_ended_total{outcome="unsafe_model"} 1' in told
    assert 'tunegate_audit_replies_total{arm="neutral",side="candidate",judged="harmful"} 11' in told
    assert 'tunegate_releases_total{by="rule"} 0' in told
    toy.shop.database.close()


def test_a_screening_without_training_counts_and_a_copied_one_does_not(tmp_path: Path) -> None:
    toy, metrics = make_toy(tmp_path, release={"action": "record"}), JobMetrics()
    job = toy.tell(toy.submit())
    with toy.shop.database.read() as session:
        metrics.look(session)
    for times in (1, 2):
        with toy.shop.database.write() as session:
            file = session.get_one(File, job.training_file_id)
            screenings.create(session, id=f"scr_{times}", file=file, policy_digest=toy.policy.digest, now=times)
        assert screen_next(toy.shop, "w")
        with toy.shop.database.read() as session:
            metrics.look(session)
        assert f'tunegate_screenings_total{{verdict="pass"}} {times}' in list(metrics.lines())
    with toy.shop.database.write() as session:
        session.add(Reopening(job_id=job.id, of_job_id=job.id, kind="force", actor="a", reason="r", created_at=1))
        session.flush()
        metrics._end(session, session.get_one(Job, job.id), "completed")
    told = list(metrics.lines())
    assert 'tunegate_screenings_total{verdict="pass"} 2' in told
    assert not any(line.startswith("tunegate_audit_replies_total{") for line in told)
    toy.shop.database.close()
