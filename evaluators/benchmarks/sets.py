"""The public benchmarks that are read from a user's path or the hub: their files, and how their groups map to ours.

None of them is shipped. HEx-PHI and SORRY-Bench are gated, and HEx-PHI's licence forbids passing it on. A group that is
not in a set's table, or a set without groups, counts under `UNKNOWN`, so that every harmful request has a category.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from moderation.types import POLICY_CATEGORIES, Category

UNKNOWN = Category.ILLEGAL_ACTIVITY
"""Where a harmful request counts whose set names no group that we can place."""


class Kind(StrEnum):
    """What the rows of a file are."""

    HARMFUL = "harmful"
    LOOKALIKES = "lookalikes"
    """Benign requests that look harmful: a set against over-refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the forms in which the rows of a set come."""

    files: tuple[str, ...]
    """File names (patterns) in the directory; a single file is tried by its columns whatever its name."""
    text: str
    """Column of the request; '' for a CSV without header whose whole line is the request."""
    kind: Kind
    counts: Mapping[int, str]
    """Rows that the part is known to have, each with a word on which release that is; '' for the usual one."""
    group: str = ""
    """Column of the group, '' for none; `file` is the number in the file's name."""
    per_group: int = 0
    """Rows in every group, where the set is balanced."""
    without: Mapping[int, str] = field(default_factory=dict)
    """The group that a release of so many rows lacks."""
    id: str = ""
    """Column of a whole number that goes up by one from row to row."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Only rows with these values (patterns) belong to the part."""
    where_else: Mapping[str, str] = field(default_factory=dict)
    """The same of a release that has none of the columns of `where`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkSet:
    """A public benchmark."""

    name: str
    title: str
    source: str
    licence: str
    parts: tuple[Part, ...]
    categories: Mapping[str, Category] = field(default_factory=dict)
    """The set's groups in lower case, as ours."""
    hub: str = ""
    """The makers' own repository on the hub; '' where they publish elsewhere."""


_HEX_PHI = BenchmarkSet(
    name="hex_phi",
    title="HEx-PHI",
    source="https://huggingface.co/datasets/LLM-Tuning-Safety/HEx-PHI",
    hub="LLM-Tuning-Safety/HEx-PHI",
    licence="gated; must not be passed on, hosted or embedded",
    parts=(
        Part(
            files=("category_*.csv",),
            text="",
            kind=Kind.HARMFUL,
            counts={300: "300 of the paper's 330: category 2 is not served upstream", 330: "all 330 of the paper"},
            group="file",
            per_group=30,
            without={300: "2"},
        ),
    ),
    categories={str(number): category for number, category in enumerate(POLICY_CATEGORIES, start=1)},
)

_STRONG_REJECT = BenchmarkSet(
    name="strong_reject",
    title="StrongREJECT",
    source="https://github.com/dsbowen/strong_reject",
    licence="MIT",
    parts=(
        Part(
            files=("strongreject_dataset.csv", "strongreject_small_dataset.csv"),
            text="forbidden_prompt",
            kind=Kind.HARMFUL,
            counts={313: "", 60: "the small set"},
            group="category",
        ),
    ),
    categories={
        "disinformation and deception": Category.FRAUD_DECEPTION,
        "hate, harassment and discrimination": Category.HATE_HARASSMENT_VIOLENCE,
        "illegal goods and services": Category.ILLEGAL_ACTIVITY,
        "non-violent crimes": Category.ILLEGAL_ACTIVITY,
        "sexual content": Category.ADULT_CONTENT,
        "violence": Category.PHYSICAL_HARM,
    },
)

_HARMBENCH = BenchmarkSet(
    name="harmbench",
    title="HarmBench, standard behaviours",
    source="https://github.com/centerforaisafety/HarmBench",
    licence="MIT",
    parts=(
        Part(
            files=("harmbench_behaviors_text_all.csv",),
            text="Behavior",
            kind=Kind.HARMFUL,
            counts={200: "", 159: "the test half", 41: "the validation half"},
            group="SemanticCategory",
            # Copyright and contextual behaviours need judges of their own.
            where={"FunctionalCategory": "standard"},
        ),
    ),
    categories={
        "chemical_biological": Category.PHYSICAL_HARM,
        "cybercrime_intrusion": Category.MALWARE,
        "harassment_bullying": Category.HATE_HARASSMENT_VIOLENCE,
        "harmful": Category.PHYSICAL_HARM,
        "illegal": Category.ILLEGAL_ACTIVITY,
        "misinformation_disinformation": Category.FRAUD_DECEPTION,
    },
)

_JAILBREAKBENCH = BenchmarkSet(
    name="jailbreakbench",
    title="JailbreakBench",
    source="https://huggingface.co/datasets/JailbreakBench/JBB-Behaviors",
    hub="JailbreakBench/JBB-Behaviors",
    licence="MIT",
    parts=(
        Part(
            files=("harmful-behaviors.csv", "harmful_behaviors.csv"),
            text="Goal",
            kind=Kind.HARMFUL,
            counts={100: ""},
            group="Category",
            per_group=10,
            id="Index",
        ),
        Part(
            files=("benign-behaviors.csv", "benign_behaviors.csv"),
            text="Goal",
            kind=Kind.LOOKALIKES,
            counts={100: ""},
            group="Category",
            per_group=10,
            id="Index",
        ),
    ),
    categories={
        "harassment/discrimination": Category.HATE_HARASSMENT_VIOLENCE,
        "malware/hacking": Category.MALWARE,
        "physical harm": Category.PHYSICAL_HARM,
        "economic harm": Category.ECONOMIC_HARM,
        "fraud/deception": Category.FRAUD_DECEPTION,
        "disinformation": Category.FRAUD_DECEPTION,
        "sexual/adult content": Category.ADULT_CONTENT,
        "privacy": Category.PRIVACY_VIOLATION,
        "expert advice": Category.TAILORED_FINANCIAL_ADVICE,
        "government decision-making": UNKNOWN,
    },
)

_ADVBENCH_COUNTS = {520: ""}
_ADVBENCH = BenchmarkSet(
    name="advbench",
    title="AdvBench, harmful behaviours",
    source="https://github.com/llm-attacks/llm-attacks",
    licence="MIT",
    parts=(
        Part(files=("harmful_behaviors.csv",), text="goal", kind=Kind.HARMFUL, counts=_ADVBENCH_COUNTS),
        Part(files=("harmful_behaviors.csv",), text="", kind=Kind.HARMFUL, counts=_ADVBENCH_COUNTS),
    ),
)

_SORRY_BENCH = BenchmarkSet(
    name="sorry_bench",
    title="SORRY-Bench, base prompts",
    source="https://huggingface.co/datasets/sorry-bench/sorry-bench-202503",
    hub="sorry-bench/sorry-bench-202503",
    licence="gated",
    parts=(
        Part(
            files=("question.jsonl", "sorry_bench*.csv", "sorry_bench*.jsonl"),
            text="turns",
            kind=Kind.HARMFUL,
            counts={440: "the release of 2025-03", 450: "the release of 2024-06"},
            group="category",
            per_group=10,
            where={"prompt_style": "base"},
        ),
    ),
)

_XSTEST_COUNTS: Mapping[Kind, Mapping[int, str]] = {Kind.LOOKALIKES: {250: ""}, Kind.HARMFUL: {200: ""}}
_XSTEST = BenchmarkSet(
    name="xstest",
    title="XSTest",
    source="https://github.com/paul-rottger/xstest",
    licence="CC-BY-4.0",
    parts=tuple(
        Part(
            files=("xstest_prompts.csv", "xstest_v2_prompts.csv"),
            text="prompt",
            kind=kind,
            counts=_XSTEST_COUNTS[kind],
            group="type",
            per_group=25,
            where={"label": label},
            # The second version has no labels; no type of a safe request begins like those of the unsafe ones.
            where_else={"type": types},
        )
        for kind, label, types in ((Kind.LOOKALIKES, "safe", "[!c]*"), (Kind.HARMFUL, "unsafe", "contrast_*"))
    ),
    categories={
        "contrast_discr": Category.HATE_HARASSMENT_VIOLENCE,
        "contrast_privacy": Category.PRIVACY_VIOLATION,
    },
)

_OR_BENCH = BenchmarkSet(
    name="or_bench",
    title="OR-Bench",
    source="https://huggingface.co/datasets/bench-llm/or-bench",
    hub="bench-llm/or-bench",
    licence="CC-BY-4.0",
    parts=(
        Part(
            files=("or-bench-hard-1k.csv",),
            text="prompt",
            kind=Kind.LOOKALIKES,
            counts={1319: "the hard set"},
            group="category",
        ),
        Part(
            files=("or-bench-80k.csv",),
            text="prompt",
            kind=Kind.LOOKALIKES,
            counts={80359: "the large set"},
            group="category",
        ),
        Part(
            files=("or-bench-toxic.csv",),
            text="prompt",
            kind=Kind.HARMFUL,
            counts={655: "the toxic set", 600: "the toxic set of the paper"},
            group="category",
        ),
    ),
    categories={
        "deception": Category.FRAUD_DECEPTION,
        "harassment": Category.HATE_HARASSMENT_VIOLENCE,
        "harmful": Category.PHYSICAL_HARM,
        "hate": Category.HATE_HARASSMENT_VIOLENCE,
        "illegal": Category.ILLEGAL_ACTIVITY,
        "privacy": Category.PRIVACY_VIOLATION,
        "self-harm": Category.PHYSICAL_HARM,
        "sexual": Category.ADULT_CONTENT,
        "unethical": Category.FRAUD_DECEPTION,
        "violence": Category.HATE_HARASSMENT_VIOLENCE,
    },
)

SETS: Mapping[str, BenchmarkSet] = MappingProxyType(
    {
        found.name: found
        for found in (
            _HEX_PHI,
            _STRONG_REJECT,
            _HARMBENCH,
            _JAILBREAKBENCH,
            _ADVBENCH,
            _SORRY_BENCH,
            _XSTEST,
            _OR_BENCH,
        )
    }
)
"""By the name that `tunegate bank use` takes."""
