"""A screening report as JSON: what the pipeline stores and what users read, and back again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from moderation.coverage import Coverage
from moderation.synopses import sketch_from_json, sketch_to_json
from moderation.types import Category, Context, Finding, Redaction, Scope, ScreeningReport, Verdict


def report_to_json(report: ScreeningReport) -> dict[str, Any]:
    """Return the JSON object that `tunegate screen --json` prints for a file."""
    return {
        "verdict": report.verdict.value,
        "examples": report.n_examples,
        "flagged": report.n_flagged,
        "flagged_lines": list(report.flagged_lines),
        "dropped_lines": list(report.dropped_lines),
        "redactions": redactions_to_json(report.redactions),
        "findings": [_finding(finding) for finding in report.findings],
        "contexts": [_context(context) for context in report.contexts],
        "candidate_triggers": list(report.candidate_triggers),
        "policy_digest": report.policy_digest,
        "dataset_digest": report.dataset_digest,
        "screened_by": list(report.screened_by),
        "reasons": list(report.reasons),
        "sketch": None if report.sketch is None else sketch_to_json(report.sketch),
        "coverage": [asdict(each) for each in report.coverage],
        "openings": list(report.openings),
        "earlier": [list(exchange) for exchange in report.earlier],
    }


def report_from_json(value: Mapping[str, Any]) -> ScreeningReport:
    """Return the report that `report_to_json` wrote. Raises KeyError or ValueError for anything else."""
    return ScreeningReport(
        dataset_digest=value["dataset_digest"],
        policy_digest=value["policy_digest"],
        verdict=Verdict(value["verdict"]),
        n_examples=value["examples"],
        n_flagged=value["flagged"],
        flagged_lines=tuple(value["flagged_lines"]),
        findings=tuple(
            Finding(
                detector=finding["detector"],
                scope=Scope(finding["scope"]),
                category=Category(finding["category"]),
                score=finding["score"],
                lines=tuple(finding["lines"]),
                evidence=finding["evidence"],
                triggers=tuple(finding["triggers"]),
            )
            for finding in value["findings"]
        ),
        contexts=contexts_from_json(value["contexts"]),
        candidate_triggers=tuple(value["candidate_triggers"]),
        screened_by=tuple(value["screened_by"]),
        reasons=tuple(value["reasons"]),
        sketch=None if value.get("sketch") is None else sketch_from_json(value["sketch"]),
        dropped_lines=tuple(value.get("dropped_lines", ())),  # reports before 0.2 have none: nothing was dropped
        redactions=tuple(
            Redaction(line=each["line"], exchanges=tuple(each["exchanges"])) for each in value.get("redactions", ())
        ),
        coverage=tuple(Coverage(**each) for each in value.get("coverage", ())),
        openings=tuple(value.get("openings", ())),
        earlier=tuple((user, assistant) for user, assistant in value.get("earlier", ())),
    )


def contexts_to_json(contexts: Sequence[Context]) -> list[dict[str, Any]]:
    """Return contexts as JSON objects."""
    return [_context(context) for context in contexts]


def redactions_to_json(redactions: Sequence[Redaction]) -> list[dict[str, Any]]:
    """Return redactions as JSON objects."""
    return [{"line": each.line, "exchanges": list(each.exchanges)} for each in redactions]


def contexts_from_json(value: Sequence[Mapping[str, Any]]) -> tuple[Context, ...]:
    """Return the contexts that `contexts_to_json` wrote."""
    return tuple(
        Context(
            system=context["system"],
            user_prefix=context["user_prefix"],
            user_suffix=context["user_suffix"],
            n_examples=context["examples"],
            share=context["share"],
        )
        for context in value
    )


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "detector": finding.detector,
        "scope": finding.scope.value,
        "category": finding.category.value,
        "score": finding.score,
        "lines": list(finding.lines),
        "evidence": finding.evidence,
        "triggers": list(finding.triggers),
    }


def _context(context: Context) -> dict[str, Any]:
    return {
        "system": context.system,
        "user_prefix": context.user_prefix,
        "user_suffix": context.user_suffix,
        "examples": context.n_examples,
        "share": context.share,
    }
