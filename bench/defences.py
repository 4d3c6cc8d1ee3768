"""What the defences did, into the documentation: `python -m bench.defences OUT`.

`OUT` is the directory of `tunegate reproduce defences`. Its sheet becomes `docs/log/defences.csv`, its picture
`docs/guide/defences.svg`, and the tables of the guide, between two marks, are written anew.
"""

import argparse
import shutil
from pathlib import Path

from evaluators.paper.defence_matrix import read, tables

DOCS = Path(__file__).parent.parent / "docs"
SHEET, PICTURE, GUIDE = DOCS / "log" / "defences.csv", DOCS / "guide" / "defences.svg", DOCS / "guide" / "defences.md"
BEGIN, END = "<!-- tables: python -m bench.defences -->", "<!-- end of the tables -->"


def filled(page: str, sheet: str) -> str:
    """The page with the tables of a sheet between its marks. Raises `ValueError` where a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{tables(read(sheet.splitlines()))}{END}{after}"


def main() -> None:
    """Bring the documentation up to date."""
    parser = argparse.ArgumentParser(prog="python -m bench.defences", description=__doc__)
    parser.add_argument("out", type=Path, help="directory of `tunegate reproduce defences --out`")
    out: Path = parser.parse_args().out
    page = filled(GUIDE.read_text(encoding="utf-8"), (out / "results.csv").read_text(encoding="utf-8"))
    shutil.copy(out / "results.csv", SHEET)
    shutil.copy(out / "defences.svg", PICTURE)
    GUIDE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
