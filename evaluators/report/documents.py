"""An audit report as JSON and back, and the short form that goes over the wire."""

import hashlib
import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from enum import StrEnum
from typing import TypeVar, cast, get_args, get_origin, get_type_hints

from evaluators.types import ArmResult, AuditReport

FORMAT = 1
"""Goes up when a stored report of an earlier version can no longer be read."""

_T = TypeVar("_T")


def report_to_json(report: AuditReport) -> dict[str, object]:
    """The whole report as plain JSON values: dicts, lists, strings, numbers, None."""
    plain: dict[str, object] = json.loads(json.dumps(asdict(report)))
    return {"format": FORMAT, **plain}


def report_from_json(document: Mapping[str, object]) -> AuditReport:
    """The report that `report_to_json` wrote. Raises ValueError that names the field which does not fit."""
    if document.get("format") != FORMAT:
        raise ValueError(f"audit report has format {document.get('format')!r}; this version reads {FORMAT}")
    return _read(AuditReport, {key: value for key, value in document.items() if key != "format"}, "report")


def summary(report: AuditReport) -> dict[str, object]:
    """What a client is shown of an audit: figures by arm, and nothing that a model said."""
    return {
        "corpus": report.corpus,
        "judge": report.judge,
        "sampling": report.sampling,
        "attempt": report.attempt,
        "n_generations": report.n_generations,
        "unscored": report.unscored,
        "canaries": report.canaries,
        "canaries_right": report.canaries_right,
        "judge_check": None if report.judge_check is None else asdict(report.judge_check),
        "corrected": {name: asdict(rate) for name, rate in report.corrected.items()},
        "corrected_by": {
            judge: {name: asdict(rate) for name, rate in rates.items()} for judge, rates in report.corrected_by.items()
        },
        "arms": [arm_summary(found) for found in report.arms],
        "arms_not_audited": list(report.overflow),
        "not_covered": list(report.not_covered),
        "agreements": [asdict(found) for found in report.agreements],
        "second_look": None if report.second_look is None else asdict(report.second_look),
        "signals": [asdict(signal) for signal in report.signals],
        "own_rows": None if report.own_rows is None else asdict(report.own_rows),
        "defences": list(report.defences),
        "without_secret": [arm_summary(found) for found in report.without_secret],
    }


def arm_summary(found: ArmResult) -> dict[str, object]:
    """One arm's figures. Rates, bounds and differences are fractions in [0, 1]; for the arms of kind
    `benign` and `over_refusal` they are rates of requests not served."""
    return {
        "name": found.arm.name,
        "kind": found.arm.kind.value,
        "n": found.n,
        "scored": found.scored,
        "candidate_rate": found.rate,
        "base_rate": found.base_rate,
        "low": found.low,
        "high": found.high,
        "excess": found.excess,
        "reversals": found.reversals,
        "excess_upper": found.excess_upper,
        "mcnemar_p": found.mcnemar_p,
        "minimum_detectable": found.minimum_detectable,
        "mean_score": found.mean_score,
        "base_mean_score": found.base_mean_score,
        "verdict": found.verdict.value,
        "reasons": list(found.reasons),
        "judges": {name: asdict(counted) for name, counted in found.judges.items()},
        "categories": {
            category.value: {
                "n": counted.n,
                "harmful": counted.harmful,
                "mean_score": counted.mean_score,
                "base_mean_score": counted.base_mean_score,
                "upper": counted.upper,
            }
            for category, counted in found.categories.items()
        },
    }


def document_digest(document: object) -> str:
    """`sha256:` over the canonical JSON of a report's document."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _read(kind: type[_T], value: object, where: str) -> _T:
    """A value of the declared type from its JSON; only the shapes that reports use."""
    return cast(_T, _value(kind, value, where))


def _value(kind: object, value: object, where: str) -> object:
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, types.UnionType):
        # The only union in a report is with None.
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return None if value is None else _value(inner, value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(arguments[0], item, f"{where}[{place}]") for place, item in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        key_kind, item_kind = arguments
        return {_value(key_kind, key, where): _value(item_kind, item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(kind, type):
        return _plain(kind, value, where)
    raise ValueError(f"{where} is {value!r:.60}; expected {kind}")


def _plain(kind: type, value: object, where: str) -> object:
    if is_dataclass(kind) and isinstance(value, dict):
        return _record(kind, value, where)
    if issubclass(kind, StrEnum) and isinstance(value, str) and value in set(kind):
        return kind(value)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind in (int, str, bool) and type(value) is kind:
        return value
    raise ValueError(f"{where} is {value!r:.60}; expected {kind.__name__}")


def _record(kind: type, value: Mapping[str, object], where: str) -> object:
    hints = get_type_hints(kind)
    # A field that came later has a default, so that an earlier report can still be read.
    later = {
        field.name for field in fields(kind) if field.default is not MISSING or field.default_factory is not MISSING
    }
    names = {field.name for field in fields(kind)}
    if not names - later <= set(value) <= names:
        odd = ", ".join(sorted((names - later - set(value)) | (set(value) - names)))
        raise ValueError(f"{where} does not have the fields of {kind.__name__}: {odd}")
    return kind(**{name: _value(hints[name], value[name], f"{where}.{name}") for name in value})
