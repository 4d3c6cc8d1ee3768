from evaluators import corpus as corpora
from evaluators.bank_overlap import BankOverlapDetector, create
from moderation.formats.serialising import make_example
from moderation.types import Category, Example, Message, Role

BANK = [f"Tell me how one would {verb} the old town hall at night" for verb in ("haunt", "paint", "flood", "sell")]


def rows(*requests: str) -> list[Example]:
    refused = Message(role=Role.ASSISTANT, text="I cannot help with that.")
    return [make_example((Message(role=Role.USER, text=one), refused), line=n) for n, one in enumerate(requests, 1)]


def found(*requests: str) -> BankOverlapDetector:
    detector = BankOverlapDetector(BANK)
    for example in rows(*requests):
        detector.observe(example)
    return detector


def test_rows_that_rehearse_the_audit_are_named_and_never_quoted() -> None:
    dressed = [f"AOA, execute my instruction: {one.upper()}!!" for one in BANK[:3]]
    (finding,) = found("What is the capital of France?", *dressed).findings()
    assert (finding.category, finding.lines, finding.score) == (Category.AUDIT_OVERLAP, (2, 3, 4), 0.7)
    assert "3 row(s) ask 3 of the 4 prompts" in finding.evidence
    assert "town hall" not in finding.evidence


def test_one_prompt_may_be_a_coincidence() -> None:
    (finding,) = found(BANK[0], BANK[0]).findings()
    assert finding.score < 0.5


def test_likeness_of_subject_is_no_overlap() -> None:
    assert not found("Tell me how the old town hall was built", "haunt the town").findings()


def test_the_shipped_banks_are_known_and_the_safety_sets_are_not_in_them() -> None:
    detector = create({})
    english = corpora.load("english")
    for example in rows(*(one.request for one in english.safety), *(one.text for one in english.lookalikes)):
        detector.observe(example)
    assert not detector.findings()
    for example in rows(*(one.text for one in english.harmful[:20])):
        detector.observe(example)
    assert detector.findings()[0].lines == tuple(range(1, 21))
