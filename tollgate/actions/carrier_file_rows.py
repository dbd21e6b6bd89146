"""The rows of carriers' files: how a file is kept, and how its rows come back without all of them in memory.

CSV may have any size that is taken; a workbook is as large as uploads take (`actions.uploads`). Nothing here is an act.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from tollgate.actions.uploads import sheet_rows
from tollgate.core.carrier_files import FIELDS, Writing
from tollgate.core.uploads import CellInvalid, Table, delimiter_of, table
from tollgate.store.models import CarrierFile, CarrierFileContent, CarrierFormat, CarrierStatement

MOST_BYTES: Final = 256 * 2**20
HEAD_BYTES: Final = 64 * 2**10
SHOWN_ROWS: Final = 200
COLUMNS_MOST: Final = 200
LINE_MOST: Final = 2**20
WRITING: Final = ("time_format", "zone", "duration_unit", "decimal_comma", "strip", "add")
"""What a file remembers of the format of its carrier."""
WORKBOOK: Final = b"PK\x03\x04"


def packed(content: bytes) -> bytes:
    """A file as it is kept."""
    return gzip.compress(content, compresslevel=6, mtime=0)


def head_of(content: bytes, kind: str, *, header_line: int | None = None) -> Table:
    """The titles and first rows of a file. Raises CellInvalid."""
    rows = islice(_rows(packed(content[: 4 * HEAD_BYTES]) if _is_text(content) else packed(content)), SHOWN_ROWS)
    found = table(rows, FIELDS[kind], header_line=header_line)
    if _is_text(content) and len(content) > 4 * HEAD_BYTES:
        return Table(found.headers, found.lines[:-1], found.header_line)  # the last one may be cut
    return found


def rows_of(file: CarrierFile) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows below the titles, each with its line; the database is asked at once. They raise CellInvalid."""
    data = CarrierFileContent.objects.values_list("data", flat=True).get(file=file)
    header_line = int(file.settings["header_line"])
    return ((line, cells) for line, cells in _rows(bytes(data)) if line > header_line and any(cells))


def settings_of(how: CarrierFormat, columns: Mapping[str, int], header_line: int) -> dict[str, Any]:
    """What a file remembers of how it is read."""
    written = {name: getattr(how, name) for name in WRITING}
    return {"columns": dict(columns), "header_line": header_line, **written}


def writing_of(settings: Mapping[str, Any], statement: CarrierStatement) -> Writing:
    """How the carrier wrote a file."""
    return Writing(
        time_format=settings["time_format"],
        zone=settings["zone"] or statement.zone,
        duration_unit=settings["duration_unit"],
        decimal_comma=settings["decimal_comma"],
        strip=tuple(part for part in settings["strip"].split("|") if part),
        add=settings["add"],
        currency=statement.currency,
    )


def chosen(headers: Sequence[str], how: CarrierFormat, kind: str, guessed: Mapping[str, int]) -> dict[str, int]:
    """Which column is which field: as the carrier's last file had it, otherwise by its headers."""
    kept: Mapping[str, str] = how.columns.get(kind, {})
    places = {header: place for place, header in reversed(list(enumerate(headers)))}
    known = {name: places[header] for name, header in kept.items() if header in places}
    return known or dict(guessed)


def remembered(headers: Sequence[str], columns: Mapping[str, int]) -> dict[str, str]:
    """The columns by the titles of this file, for the carrier's next."""
    return {name: headers[place] for name, place in columns.items() if headers[place]}


def _is_text(content: bytes) -> bool:
    return content[:4] != WORKBOOK


def _rows(data: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    """Every row of a kept file with its line, from 1."""
    with gzip.open(io.BytesIO(data), "rb") as raw:
        head = raw.read(HEAD_BYTES)
        raw.seek(0)
        if not _is_text(head):
            yield from enumerate(sheet_rows(raw.read()), start=1)
            return
        encoding = _encoding(head)
        text = io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="")
        reader = csv.reader(_lines(text), delimiter=delimiter_of(head.decode(encoding, "replace")), strict=True)
        begins = 1
        try:
            for row in reader:
                yield begins, [cell.strip().replace("\0", "") for cell in row[:COLUMNS_MOST]]
                begins = reader.line_num + 1
        except csv.Error as problem:
            raise CellInvalid(f"This is not a CSV file: line {begins}: {problem}.") from None


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """The lines of a text; one that has no end is not read into memory. Raises CellInvalid."""
    while line := text.readline(LINE_MOST):
        if len(line) == LINE_MOST:
            raise CellInvalid(f"This is not a CSV file: a line is longer than {LINE_MOST // 2**20} million signs.")
        yield line


def _encoding(head: bytes) -> str:
    """UTF-8, or what spreadsheets of old write."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        head[:-4].decode("utf-8")
    except UnicodeDecodeError as problem:
        if problem.end < len(head) - 8:
            return "cp1252"
    return "utf-8-sig"


def content_of(file: CarrierFile) -> gzip.GzipFile:
    """The file as it came."""
    data = CarrierFileContent.objects.values_list("data", flat=True).get(file=file)
    return gzip.GzipFile(fileobj=io.BytesIO(bytes(data)))
