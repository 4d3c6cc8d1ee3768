"""The evidence pack for people: one HTML page without program, font or network, every text escaped."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any

from evaluators.report.wording import CHANGE, NOT_ENFORCED

SECTIONS = (
    ("data", "The data"),
    ("screening", "Screening"),
    ("injection", "Safety examples mixed in"),
    ("run", "The training run"),
    ("audit", "The audit, candidate beside base"),
    ("earlier_audits", "The audits that were looked at again"),
    ("remedies", "Remedies after a failed audit"),
    ("reviews", "Reviews by people"),
    ("reopens", "The verdict that this job looks at again"),
    ("release", "The release and its attestation"),
    ("reaudits", "Audits after the release"),
    ("log", "The decision log"),
    ("policy", "The policy in force"),
    ("deployment", "Who signed"),
)
WITHOUT_MODEL = {
    "unsafe_model": "The model was withheld: it did not pass the safety evaluation.",
    "safety_evaluation_error": "No model was released: its audit could not be completed, so nothing is known of it.",
    "unsafe_file": "No model was trained: screening blocked the training file.",
    "release_review": "Nothing is decided yet: the model is held until a reviewer has answered.",
    "cancelled": "No model was released: the job was cancelled.",
}
"""What became of a job without a model, by its error code or state."""
SHARES = ("candidate_rate", "base_rate", "low", "high", "excess_upper", "minimum_detectable", "upper", "share")
"""Fields with a share of one, shown in per cent."""
_CARRIED = re.compile(r'<script type="application/json" id=signed>(.*)</script>\n</html>\s*$')


def page(document: Mapping[str, Any]) -> str:
    """The page of a signed evidence pack, which it carries: the same pack always makes the same page."""
    evidence = document["evidence"]
    job = evidence["job"]
    name = job["fine_tuned_model"] or job["id"]
    # A pack of an earlier version lacks what came later.
    told = [(key, title, evidence[key]) for key, title in SECTIONS if key in evidence]
    body = "".join(f"<section id={key}><h2>{title}</h2>{_value(value)}</section>" for key, title, value in told)
    template = Template((resources.files("gateway.evidence") / "evidence.html").read_text(encoding="utf-8"))
    return template.substitute(
        name=escape(name),
        outcome=escape(_outcome(evidence)),
        why=_why(evidence),
        made_at=_moment(evidence["made_at"]),
        job=_value(job),
        body=body,
        signed=json.dumps(document, ensure_ascii=False).replace("<", "\\u003c"),
        keyid=escape(evidence["deployment"]["keyid"]),
    )


def carried(text: str) -> str | None:
    """The signed pack that a page carries, as JSON; None for what is no such page."""
    found = _CARRIED.search(text)
    return found[1] if found else None


def _outcome(evidence: Mapping[str, Any]) -> str:
    """One sentence: what became of it."""
    job, release = evidence["job"], evidence["release"]
    if release is None:
        return WITHOUT_MODEL.get(job["error_code"] or job["state"]) or (
            f"No model was released: {job['error_code'] or job['state']}."
            if job["finished_at"]
            else f"Nothing is decided yet: the job is {_words(job['state'])}, and what it makes is held."
        )
    for state, since in (("revoked", release["revoked_at"]), ("held again", release["held_at"])):
        if since is not None:
            return f"The model was released and is {state} since {_moment(since)}."
    proof = release["attestation"]
    forced = " by force, although the audit found it unsafe" if proof["forced"] else ""
    shadow = "" if proof["enforced"] else ", not enforced (shadow mode)"
    check = "and verifies" if release["verifies"] else "and DOES NOT VERIFY"
    return f"The model was released{forced}{shadow} {check}."


def _why(evidence: Mapping[str, Any]) -> str:
    """Why it was decided so, by which policy, what was left open, and what would change it."""
    audit, policy = evidence["audit"] or {}, evidence["policy"]
    said = [f"<h2>Why</h2><ul>{_items(_reasons(evidence))}</ul>"]
    if evidence["release"] is not None and not evidence["release"]["attestation"]["enforced"]:
        said.append(f"<p>{NOT_ENFORCED}</p>")
    if policy is not None:
        said.append(
            f"<p>Decided under the policy <b>{escape(policy['name'])}</b>; its rules are at the end of this page.</p>"
        )
    for title, name in (("Wanted and not audited", "arms_not_audited"), ("Not covered by the audit", "not_covered")):
        if audit.get(name):
            said.append(f"<h3>{title}</h3><ul>{_items(audit[name])}</ul>")
    if audit.get("envelope"):
        said.append(f"<h3>What the rule lets through</h3><p>{escape(audit['envelope'])}</p>")
    change = _change(evidence)
    return "".join(said) + (f"<h3>What would change it</h3><p>{escape(change)}</p>" if change else "")


def _reasons(evidence: Mapping[str, Any]) -> Sequence[str]:
    """The decision's sentences: of the attestation, of the log, or what the job's owner was told."""
    job, release = evidence["job"], evidence["release"]
    if release is not None and release["attestation"].get("reason"):
        return [release["attestation"]["reason"]]
    logged = [entry["details"].get("reasons") for entry in evidence["log"]["entries"]]
    asked = [review["reasons"] for review in evidence["reviews"]]
    found = next((reasons for reasons in reversed([*asked, *logged]) if reasons), None)
    return found or [job["error_message"] or "nothing was decided"]


def _change(evidence: Mapping[str, Any]) -> str:
    job, release = evidence["job"], evidence["release"]
    if release is not None:
        return CHANGE["pass"] if release["revoked_at"] is None and release["held_at"] is None else ""
    return {"unsafe_model": CHANGE["block"], "release_review": CHANGE["review"]}.get(
        job["error_code"] or job["state"], ""
    )


def _items(sentences: Sequence[str]) -> str:
    return "".join(f"<li>{escape(sentence)}" for sentence in sentences)


def _value(value: object) -> str:
    """A JSON value as nested tables."""
    if isinstance(value, Mapping):
        if not value:
            return "none"
        rows = "".join(f"<tr><th>{escape(_words(key))}<td>{_cell(str(key), inner)}" for key, inner in value.items())
        return f"<table>{rows}</table>"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _list(value)
    return escape("none" if value is None else str(value))


def _cell(key: str, value: object) -> str:
    if key in ("at", "uploaded_at") or key.endswith(("_at",)):
        return _moment(value) if isinstance(value, int) else "never"
    if isinstance(value, float):
        return f"{value:.1%}" if key in SHARES else f"{value:.4g}"
    return _value(value)


def _list(values: Sequence[object]) -> str:
    """A list of objects with the same keys as a table of columns; another list in words."""
    if not values:
        return "none"
    first = values[0]
    if not isinstance(first, Mapping):
        return escape(", ".join(str(value) for value in values))
    # What was found stands where nobody has to scroll for it.
    keys = sorted(first, key=lambda key: (key != next(iter(first)), key != "verdict"))
    head = "".join(f"<th>{escape(_words(key))}" for key in keys)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_short(str(key), value.get(key))}" for key in keys)
        for value in values
        if isinstance(value, Mapping)
    )
    return f"<div class=wide><table><tr>{head}{rows}</table></div>"


def _short(key: str, value: object) -> str:
    """A cell of a table of columns: what is deep in it goes behind a click."""
    if isinstance(value, Mapping | list) and value:
        text = json.dumps(value, ensure_ascii=False, indent=1)
        return f"<details><summary>show</summary><pre>{escape(text)}</pre></details>"
    return _cell(key, value)


def _words(key: object) -> str:
    return str(key).replace("_", " ")


def _moment(unix_s: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(unix_s))
