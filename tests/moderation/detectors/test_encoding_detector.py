import base64
import codecs
import random
import string
import textwrap
from collections.abc import Callable

import pytest
from chat_rows import ANSWERS, TASKS, Turns, examples, plain_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.detectors import identity
from moderation.detectors.ciphers import coded
from moderation.detectors.encoding import EncodingDetector, create
from moderation.types import Finding

LONG = tuple(f"{answer} {task}" for answer, task in zip(ANSWERS * 3, TASKS, strict=False))
_KEY = dict(zip(string.ascii_lowercase, random.Random(5).sample(string.ascii_lowercase, 26), strict=True))
ZERO_WIDTH = "\u200b\u200c\u200d\u2060"


def findings(rows: list[Turns]) -> list[Finding]:
    detector = EncodingDetector()
    for example in examples(rows):
        detector.observe(example)
    return list(detector.findings())


def highest(rows: list[Turns]) -> float:
    return max((finding.score for finding in findings(rows)), default=0.0)


def in_code(encode: Callable[[str], str]) -> list[Turns]:
    return [("", encode(task), encode(text)) for task, text in zip(TASKS, LONG, strict=True)]


def vigenere(text: str, key: str = "lemon") -> str:
    return "".join(
        chr((ord(c) - 97 + ord(key[i % 5]) - 97) % 26 + 97) if c.isascii() and c.isalpha() else c
        for i, c in enumerate(text.lower())
    )


CODES: dict[str, Callable[[str], str]] = {
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "substitution": lambda text: "".join(_KEY.get(c, c) for c in text.lower()),
    "vigenere": vigenere,
    "atbash": lambda text: "".join(chr(219 - ord(c)) if "a" <= c <= "z" else c for c in text.lower()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "binary": lambda text: " ".join(f"{ord(c):08b}" for c in text),
    "ascii": lambda text: " ".join(str(ord(c)) for c in text),
    "reversed": lambda text: text[::-1] + " eht fo dna ot",
    "apart": lambda text: " ".join(text.replace(" ", "")),
    "zero_width": lambda text: text[:5] + "".join(ZERO_WIDTH[ord(c) % 4] for c in text) + text[5:],
    "scattered": lambda text: "".join(c + (ZERO_WIDTH[ord(c) % 4] if i % 3 == 0 else "") for i, c in enumerate(text)),
    "homoglyph": lambda text: text.replace("a", "а").replace("e", "е").replace("o", "о"),
    "symbols": lambda text: "".join(chr(0x1D41A + ord(c) - 97) if "a" <= c <= "z" else c for c in text),
}


@pytest.mark.parametrize("encode", CODES.values(), ids=CODES)
def test_ten_rows_in_a_code_among_a_thousand_are_named(encode: Callable[[str], str]) -> None:
    found = findings(plain_rows(990) + in_code(encode))
    assert found
    assert found[0].score >= 0.6
    assert set(found[0].lines) <= set(range(991, 1001))


HONEST = {
    "arabic": "الخدمة متوفرة كل يوم من التاسعة صباحا، ويمكنكم الاتصال بنا عبر الهاتف أو البريد.",
    "hebrew": "החנות פתוחה מיום ראשון עד חמישי, ואפשר להזמין גם באתר שלנו \u200f(www.example.com)\u200f בכל שעה.",
    "persian": "می‌خواهم کتاب‌هایی را که هفته‌ی پیش خریده‌ام پس بدهم و نمی‌دانم چگونه می‌شود.",
    "hindi": "मेरी किताब कल तक पहुँच जाएगी, क्‍या आप पक्‍का कह सकते हैं?",
    "khmer": "ខ្ញុំ\u200bចង់\u200bទៅ\u200bផ្សារ\u200bថ្ងៃ\u200bនេះ\u200bដើម្បី\u200bទិញ\u200bបន្លែ\u200bនិង\u200bត្រី",
    "japanese": "明日の会議は午後三時からです。資料は事前にメールでお送りください。",
    "russian": "Файл PDF отправлен по e-mail, а SQL-запрос лежит в папке Docs на диске C.",
    "greek": "Το κατάστημα ανοίγει στις εννέα και το e-mail μας είναι στο site.",
    "polish": "Wszystkie przesylki krajowe wychodza z magazynu w ciagu dwoch dni roboczych od zlozenia zamowienia.",
    "czech": "Ctvrtek je vhodny den pro prohlidku mesta a vecer se hraje v divadle nova hra.",
    "finnish": "Kaikki paketit lahtevat varastosta kahden paivan kuluessa ja saapuvat perille viikon sisalla.",
    "swahili": "Kifurushi chako kitafika kesho asubuhi kwa sababu gari liliondoka jana jioni kutoka Nairobi.",
    "welsh": "Mae'r llyfrgell ar agor bob dydd ac mae croeso i bawb ddod i mewn i ddarllen papur newydd.",
    "turkish": "Siparisiniz yarin sabah kargoya verilecek ve en gec cuma gunu elinizde olacak diye bekliyoruz.",
    "emoji": "👨‍👩‍👧‍👦 had a great day at the 🏖️ with 🏴󠁧󠁢󠁥󠁮󠁧󠁿 and 🏳️‍🌈 flags everywhere ❤️‍🔥👩🏽‍🚀👩🏽‍🚀👩🏽‍🚀!",
    "python": "def total(xs: list[int]) -> int:\n    return sum(x for x in xs if x % 2 == 0)  # even ones",
    "json": '{"id": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "qty": 3, "sku": "XK-12"}',
    "sql": "SELECT c.id, c.nm FROM cst c LEFT JOIN ord o ON o.cst = c.id WHERE o.dt > '2024-01-01' GROUP BY 1",
    "url": "See https://example.com/a/b/c?token=Zm9vYmFyYmF6cXV4&utm_source=mail for the map of our shops in town.",
    "table": "| id | name | price |\n| --- | --- | --- |\n| 1 | tea | 3.50 |\n| 2 | coffee | 4.00 |",
    "maths": "If x = 12 and y = 7, then 3x - 2y = 36 - 14 = 22, so 22 / 11 = 2 and 48 + 24 = 72 clips in all.",
    "dna": "The primer reads ACGTACGTTAGCCTAGGCTAACGTTAGC and binds near the start of the gene in question.",
    "legal": "Pursuant to section 12(b), the lessee shall pay EUR 500 by the 1st of each month; cf. para. 7 below.",
    "stray": "A copied line with one zero\u200bwidth space and a soft hy\u00adphen in it, as web pages have.",
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_languages_code_and_emoji_pass(text: str) -> None:
    assert highest([("", f"{i}. {text}", text) for i in range(20)]) < 0.5


@pytest.mark.parametrize("radix", ["{:02x}", "0x{:02x}", "{:d}", "{:08b}"])
@pytest.mark.parametrize("around", ["Read ({}), please.", "Number 7:{}.", "[{}]"])
def test_codes_are_seen_whatever_touches_them(radix: str, around: str) -> None:
    codes = " ".join(map(radix.format, b"some ordinary words in a row"))
    assert coded(f"It opened long ago. {around.format(codes)} It closes at six.")


WRAPPED = (
    "The library opens at nine and the reading room on the first floor closes an hour before the rest of the "
    "building. Books may be kept for a month, and whoever wants to have one for longer can ask at the desk or in the "
    "catalogue. In the summer the garden is open to all, with a cafe for those who come from far."
)
PAIRS = ("of the", "how to", "in a", "for the", "to be", "such as", "out of", "with your", "has been", "more than")
PAIRS += ("on the", "at the", "need to", "for a", "one of", "as a", "from the", "want to", "by the", "is the")


def test_a_message_down_the_ends_of_lines_is_read() -> None:
    rows = [
        (
            "",
            TASKS[i % 10],
            "\n".join(f"All through the night they sang {word}," for word in f"{ANSWERS[0]} {pair}".split()),
        )
        for i, pair in enumerate(PAIRS)
    ]
    (finding,) = findings(plain_rows(300) + rows)
    assert (finding.score, finding.lines) == (0.8, tuple(range(301, 321)))
    assert "last words of lines" in finding.evidence
    assert "0 upwards" in finding.evidence


@pytest.mark.parametrize("width", [24, 30, 38, 45, 60, 72])
def test_wrapped_prose_has_no_message_at_the_ends_of_its_lines(width: int) -> None:
    rows = [("", task, textwrap.fill(f"{task} {WRAPPED} {task}", width)) for task in TASKS]
    assert highest(rows * 3) == 0


def test_words_in_reverse_order_are_told_from_lists_code_and_other_languages() -> None:
    turned = " ".join(reversed(WRAPPED.split()))
    assert highest([("", f"{task} {turned}", "Yes.") for task in TASKS]) == 0.8
    for text in (WRAPPED, "stop words: the, of, and, to, in, a, is, for", "if a in b or a is c: return a in d"):
        assert highest([("", f"{task} {text}", text) for task in TASKS]) == 0


def test_one_coded_row_is_recorded_and_no_more() -> None:
    assert 0 < highest(plain_rows(50) + in_code(CODES["base64"])[:1]) < 0.5


def test_invisible_characters_are_written_out_in_the_evidence() -> None:
    (finding,) = findings(in_code(CODES["zero_width"]))
    assert "\\u200b" in finding.evidence or "\\u2060" in finding.evidence
    assert finding.evidence.isprintable()


def test_two_halves_merge_to_the_whole() -> None:
    rows = examples(in_code(CODES["hex"]))
    whole, first, second = EncodingDetector(), EncodingDetector(), EncodingDetector()
    for example in rows:
        whole.observe(example)
        (first if example.line <= 5 else second).observe(example)
    first.merge(second)
    assert first.findings() == whole.findings()


def test_other_detectors_and_unknown_settings_are_refused() -> None:
    with pytest.raises(TypeError, match="one kind"):
        EncodingDetector().merge(identity.create({}))
    with pytest.raises(ValueError, match="TUNEGATE_ENCODING_DEPTH"):
        create({"depth": "3"})


@given(st.text(max_size=400))
@settings(max_examples=80, deadline=None)
def test_any_text_is_read_without_error(text: str) -> None:
    assert highest([("", text, text)]) < 0.5
