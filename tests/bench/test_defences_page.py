import pytest

from bench.defences import BEGIN, GUIDE, SHEET, filled


def test_the_guide_shows_the_figures_of_the_sheet_beside_it() -> None:
    page = GUIDE.read_text(encoding="utf-8")
    assert filled(page, SHEET.read_text(encoding="utf-8")) == page


def test_a_page_without_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        filled(f"{BEGIN} and no end", SHEET.read_text(encoding="utf-8"))
