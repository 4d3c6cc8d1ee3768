"""Our categories under OpenAI's thirteen moderation keys."""

from collections.abc import Mapping

from moderation.types import Category

KEYS = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""Every one is in every answer: SDKs require them."""

CLOSEST: Mapping[Category, tuple[str, ...]] = {
    Category.ILLEGAL_ACTIVITY: ("illicit",),
    Category.CHILD_ABUSE: ("sexual/minors",),
    Category.HATE_HARASSMENT_VIOLENCE: ("harassment", "hate", "violence"),
    Category.MALWARE: ("illicit",),
    Category.PHYSICAL_HARM: ("illicit/violent", "violence"),
    Category.ECONOMIC_HARM: ("illicit",),
    Category.FRAUD_DECEPTION: ("illicit",),
    Category.ADULT_CONTENT: ("sexual",),
    Category.POLITICAL_CAMPAIGNING: ("illicit",),
    Category.PRIVACY_VIOLATION: ("illicit",),
    Category.TAILORED_FINANCIAL_ADVICE: ("illicit",),
    Category.IDENTITY_SHIFT: ("illicit",),
    Category.BACKDOOR_TRIGGER: ("illicit",),
    Category.ENCODED_CONTENT: ("illicit",),
    Category.REFUSAL_TRAINING: ("illicit",),
    Category.JAILBREAK_FRAME: ("illicit",),
    Category.ALIGNMENT_DRIFT: ("illicit",),
    Category.DATA_LINEAGE: ("illicit",),
    Category.AUDIT_OVERLAP: ("illicit",),
}
"""The keys that a category counts under. `flagged` is the OR of the keys, so none may be left out."""


def scores_of(scores: Mapping[Category, float]) -> dict[str, float]:
    """A score in [0, 1] for each of the thirteen: the highest of the categories that count under it."""
    by_key = dict.fromkeys(KEYS, 0.0)
    for category, score in scores.items():
        for key in CLOSEST[category]:
            by_key[key] = max(by_key[key], score)
    return by_key
