"""`admit`: a base model is audited on its own, and let in when it passes."""

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from deploy.errors import EngineUnavailable
from deploy.types import Outcome
from evaluators.errors import AuditIncomplete, JudgeUnavailable
from evaluators.report.documents import document_digest, report_to_json
from gateway import admissions
from gateway.bases import base_names
from gateway.cli.auditing import OURS, STATUS, UNUSABLE, VERDICT, document, run, show
from gateway.cli.printing import complain, print_json
from gateway.compose import auditing
from gateway.compose.auditing import Audited
from gateway.compose.store import signing_key
from gateway.compose.subjects import pair
from gateway.settings import Settings
from moderation.errors import ChatUnavailable


def admit(
    base: Annotated[str, typer.Argument(help="A base model of the list, by its name.")],
    policy: Annotated[str, typer.Option(help="Name of the policy to audit under.")] = "default",
    why: Annotated[str, typer.Option(help="The reason to let in a base that does not pass; it is kept.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the audit as one JSON object.")] = False,
) -> None:
    """Audit a base model on its own and let it in. Exit status: 0 admitted, 3 review, 4 block, 2 unusable, 1 ours.

    With TUNEGATE_ADMITTED_BASES_ONLY a worker starts with no other; `doctor` says which are.
    """
    settings = Settings.read(os.environ)
    if base not in (names := base_names(settings.bases_file)):
        complain(f"{base} is no base model of the list; there are {', '.join(sorted(names))}")
        raise typer.Exit(UNUSABLE)
    with tempfile.TemporaryDirectory(prefix="tunegate-admit-") as scratch:
        try:
            pairing = pair(base, None, settings.bases_file)
            wanted = auditing.order(settings, pairing, policy=policy, corpus=None, data=None, out=Path(scratch))
            found = run(settings, wanted)
        except ValueError as error:
            complain(str(error))
            raise typer.Exit(UNUSABLE) from error
        except (ChatUnavailable, JudgeUnavailable, EngineUnavailable, AuditIncomplete) as error:
            complain(f"the audit was not finished, so nothing is known of the model: {error}")
            raise typer.Exit(OURS) from error
    if as_json:
        print_json(document(found, wanted.policy.audit))
    else:
        show(base, found, wanted.policy.audit)
    passed = found.decision.outcome is Outcome.RELEASE
    if not passed and not why.strip():
        complain(f"{base} is not admitted; --why REASON lets it in all the same, and says so")
        raise typer.Exit(STATUS[found.decision.outcome])
    _keep(settings, base, found, "" if passed else why.strip())


def _keep(settings: Settings, base: str, found: Audited, why: str) -> None:
    report = found.report
    admission = admissions.Admission(
        name=base,
        digest=report.base_digest,
        verdict=VERDICT[found.decision.outcome],
        reasons=found.decision.reasons,
        why=why,
        policy_digest=report.policy_digest,
        corpus_digest=report.corpus_digest,
        judge=report.judge,
        audit_digest=document_digest(report_to_json(report)),
        admitted_at=int(time.time()),
    )
    admissions.keep(settings.home, admission, signing_key(settings))
