"""Reads a public benchmark from a user's path, and believes it only when it is complete."""

import ast
import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from evaluators.benchmarks.sets import SETS, UNKNOWN, BenchmarkSet, Kind, Part
from evaluators.types import Request

_WORDS = {Kind.HARMFUL: "harmful requests", Kind.LOOKALIKES: "look-alikes"}
MAX_CELL = 131_072
"""Characters; a cell beyond is no request but a quotation mark that was not closed."""
MAX_NAMED = 5
"""Rows or groups that a message names before it only counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A set as it was read."""

    name: str
    sha256: str
    """Hex digest of the file; of several, over the sorted lines `digest  name`, as `sha256sum` prints them."""
    harmful: tuple[Request, ...]
    lookalikes: tuple[Request, ...]
    notes: tuple[str, ...]
    """What a report must say: which release it is, which rows were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    place: str
    """File and 1-based row, as a person would look for it."""
    file: str
    fields: Mapping[str, str]
    n_columns: int = 1


def load(name: str, path: Path, *, sha256: str = "") -> Benchmark:
    """The set of that name from a file or directory, checked row by row.

    `sha256`: the digest that the user pins; with it, a set of another size is taken as meant. Raises
    `ValueError` that names every defect: an unknown set, a file that is missing or is no such set, another
    digest, a row that is missing, empty or twice.
    """
    if name not in SETS:
        raise ValueError(f"there is no benchmark {name!r}; known are: {', '.join(sorted(SETS))}")
    wanted = SETS[name]
    files = _files(wanted, path)
    found = _digest(files)
    if sha256 and sha256.removeprefix("sha256:") != found:
        raise ValueError(f"{path}: the digest is {found}, pinned is {sha256}; it is another release, or was edited")
    headers = {part.text for part in wanted.parts if part.text}
    rows = [row for file in files for row in _rows(file, headers)]
    requests: dict[Kind, list[Request]] = {Kind.HARMFUL: [], Kind.LOOKALIKES: []}
    notes: list[str] = []
    problems: list[str] = []
    used = 0
    by_name = path.is_dir() or _told_by_name(wanted)
    for part in wanted.parts:
        mine = [row for row in rows if _belongs(row, part, by_name=by_name)]
        if not mine:
            continue
        used += len(mine)
        problems += _defects(mine, part, tuple(wanted.categories), pinned=bool(sha256))
        if part.group == "file" and path.is_file():
            problems.append(f"a file of its own for each category is expected: give the directory of {part.files[0]}")
        word = part.counts.get(len(mine), "a release of a size that is not known here, pinned by its digest")
        notes.append(f"{wanted.title}: {len(mine)} {_WORDS[part.kind]}" + (f" ({word})" if word else ""))
        requests[part.kind] += [_request(wanted, part, row, place) for place, row in enumerate(mine, start=1)]
    if not used:
        columns = " or ".join(sorted({part.text or "one column without header" for part in wanted.parts}))
        names = f" in a file of its own name ({', '.join(_patterns(wanted))})" if by_name else ""
        problems.append(f"it holds no row of {wanted.title}; expected {columns}{names}; get it from {wanted.source}")
    left_out = len(rows) - used
    if left_out:
        notes.append(f"{left_out} rows of other kinds were left out")
    if problems:
        raise ValueError(f"benchmark {name} at {path}: " + "; ".join(problems))
    harmful, lookalikes = requests[Kind.HARMFUL], requests[Kind.LOOKALIKES]
    return Benchmark(name=name, sha256=found, harmful=tuple(harmful), lookalikes=tuple(lookalikes), notes=tuple(notes))


def _files(wanted: BenchmarkSet, path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ValueError(f"{path} is neither a file nor a directory; get {wanted.title} from {wanted.source}")
    patterns = _patterns(wanted)
    files = sorted({file for pattern in patterns for file in path.rglob(pattern) if file.is_file()})
    if not files:
        raise ValueError(f"{path} holds none of {', '.join(patterns)}; get {wanted.title} from {wanted.source}")
    return files


def _patterns(wanted: BenchmarkSet) -> tuple[str, ...]:
    return tuple(dict.fromkeys(pattern for part in wanted.parts for pattern in part.files))


def _digest(files: Sequence[Path]) -> str:
    digests = sorted((file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files)
    if len(digests) == 1:
        return digests[0][1]
    listing = "".join(f"{digest}  {name}\n" for name, digest in digests)
    return hashlib.sha256(listing.encode()).hexdigest()


def _rows(file: Path, columns: Collection[str]) -> Iterator[_Row]:
    """Every row with its columns; where the first line has none of `columns` there is no header, and the whole
    line is the column ''."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ValueError(f"{file} is not UTF-8: {exc.reason} at byte {exc.start}") from exc
    if file.suffix == ".jsonl":
        # Not splitlines(): JSON may hold other line breaks as they are.
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield _Row(place=f"{file.name} line {number}", file=file.name, fields=_object(file, number, line))
        return
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text))
    try:
        records = list(reader)
    except csv.Error as exc:
        raise ValueError(f"{file} line {reader.line_num}: {exc}; is a quotation mark not closed?") from exc
    header = records[0] if records and set(columns) & set(records[0]) else None
    odd = [number for number, record in enumerate(records, start=1) if header and record and len(record) != len(header)]
    if header and odd:
        found = f"row {odd[0]} has {len(records[odd[0] - 1])} columns, the header {len(header)}"
        more = f", and so {len(odd) - 1} more" if odd[1:] else ""
        raise ValueError(f"{file}: {found}{more}; a field with commas or line breaks must stand in quotation marks")
    for number, record in enumerate(records, start=1):
        if record and (header is None or number > 1):
            fields = {"": ",".join(record)} if header is None else dict(zip(header, map(_first, record), strict=True))
            yield _Row(place=f"{file.name} row {number}", file=file.name, fields=fields, n_columns=len(record))


def _object(file: Path, number: int, line: str) -> dict[str, str]:
    try:
        document = json.loads(line)
    except ValueError as exc:
        raise ValueError(f"{file.name} line {number} is not JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise ValueError(f"{file.name} line {number} is not a JSON object")
    return {str(key): _turn(value) for key, value in document.items()}


def _turn(value: object) -> str:
    """Of a list of turns the first is the request; a list of none has none."""
    if isinstance(value, list):
        return str(value[0]) if value else ""
    return str(value)


def _first(cell: str) -> str:
    """A cell of a CSV, where lists are written as Python writes them."""
    try:
        return _turn(ast.literal_eval(cell)) if cell.startswith(("['", '["')) else cell
    except (SyntaxError, ValueError):
        return cell


def _told_by_name(wanted: BenchmarkSet) -> bool:
    """Whether parts have the same columns, so that a file must keep its name."""
    shapes = {(part.text, tuple(part.where.items())) for part in wanted.parts}
    return len(shapes) < len(wanted.parts)


def _belongs(row: _Row, part: Part, *, by_name: bool) -> bool:
    """Whether a row is of a part; files of a directory are also told apart by their names."""
    if by_name and not any(fnmatch(row.file, pattern) for pattern in part.files):
        return False
    # A release of one kind may leave the column out that tells kinds apart.
    told_by = part.where if part.where.keys() & row.fields.keys() else part.where_else
    return part.text in row.fields and all(fnmatch(row.fields.get(key, value), value) for key, value in told_by.items())


def _defects(rows: Sequence[_Row], part: Part, groups: Sequence[str], *, pinned: bool) -> Iterator[str]:
    """What is wrong with the rows of a part, in sentences; `groups` are those that the set is known to have."""
    empty = [row.place for row in rows if not row.fields[part.text].strip()]
    if empty:
        yield f"no request in {_named(empty)}"
    first: dict[str, str] = {}
    repeated = []
    for row in rows:
        text = _plain(row.fields[part.text])
        if text and first.setdefault(text, row.place) != row.place:
            repeated.append(f"{row.place} repeats {first[text]}")
    if repeated:
        yield _named(repeated)
    if not part.text and {row.n_columns for row in rows} == {2}:
        yield "every row has 2 columns and the first is no header; put one above, or keep the requests only"
    if part.id:
        yield from _gaps(rows, part)
    if pinned:
        return
    if part.per_group:
        sizes = Counter(_group(row, part) for row in rows)
        odd = [f"{group!r} has {n}" for group, n in sorted(sizes.items()) if n != part.per_group]
        if odd:
            yield (
                f"every group has {part.per_group} rows, but {_named(odd)}: a row is missing (a reader that takes the "
                "first line for a header eats one)"
            )
        absent = part.without.get(len(rows))
        if absent in sizes:
            missing = [repr(group) for group in groups if group not in sizes]
            yield f"the release of {len(rows)} rows lacks group {absent!r}; here {_named(missing)} is missing"
    if len(rows) not in part.counts:
        known = " or ".join(map(str, sorted(part.counts)))
        yield f"{len(rows)} {part.kind} rows, known releases have {known}; pin its digest if you mean this one"


def _gaps(rows: Sequence[_Row], part: Part) -> Iterator[str]:
    numbers = [row.fields.get(part.id, "") for row in rows]
    odd = [row.place for row, number in zip(rows, numbers, strict=True) if not number.isdecimal()]
    if odd:
        yield f"column {part.id} is no whole number in {_named(odd)}"
        return
    present = {int(number) for number in numbers}
    missing = sorted(set(range(min(present), max(present) + 1)) - present)
    if missing:
        yield f"{part.kind} rows with {part.id} {_named([str(number) for number in missing])} are missing"


def _named(places: Sequence[str]) -> str:
    more = len(places) - MAX_NAMED
    return ", ".join(places[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _group(row: _Row, part: Part) -> str:
    if part.group == "file":
        return "".join(filter(str.isdecimal, row.file))
    return row.fields.get(part.group, "")


def _request(wanted: BenchmarkSet, part: Part, row: _Row, place: int) -> Request:
    category = None
    if part.kind is Kind.HARMFUL:
        category = wanted.categories.get(_group(row, part).strip().lower(), UNKNOWN)
    kind = "" if part.kind is Kind.HARMFUL else "-benign"
    return Request(id=f"{wanted.name}{kind}-{place:04d}", text=row.fields[part.text].strip(), category=category)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
