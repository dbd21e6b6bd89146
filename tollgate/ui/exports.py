"""CSV and XLSX of a grid, from the same columns as the page.

CSV comes from the database as it is where `copying` can, and otherwise is streamed row by row, so it has no limit; XLSX
is built on disk and ends at 100,000 rows. An amount with a
currency of its own is followed by a column of ISO codes. Numbers are written exactly: XLSX keeps 15 digits in a number,
so a longer one is written as text.

A spreadsheet runs a text that begins with = + - @ as a formula. In CSV such texts (never numbers) get a leading
apostrophe; in XLSX they are typed as text, which no spreadsheet runs.
"""

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import IO

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from xlsxwriter import Workbook

from tollgate.ui.columns import Column, Row, plain
from tollgate.ui.copying import copied
from tollgate.ui.sources import Query, Source, Writing

XLSX_MOST = 100_000
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
EXACT_DIGITS = 15
BLOCK_BYTES = 1 << 16


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_response(name: str, columns: Sequence[Column], source: Source, query: Query) -> HttpResponseBase:
    """Every row as CSV."""
    answer = StreamingHttpResponse(_csv(columns, source, query), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _csv(columns: Sequence[Column], source: Source, query: Query) -> Iterator[str | bytes]:
    """The whole file: by the source itself, by the database, or row by row."""
    if isinstance(source, Writing):
        return chain(csv_lines(columns, ()), source.csv_blocks(query, columns))
    rows = copied(source, query, columns)
    return csv_lines(columns, source.stream(query)) if rows is None else chain(csv_lines(columns, ()), _blocks(rows))


def csv_lines(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    """The lines of the file, the titles first."""
    writer = csv.writer(_Echo())
    yield str(writer.writerow(_titles(columns)))
    for row in rows:
        yield str(writer.writerow([neutral(column, text) for column, text in _texts(columns, row)]))


def xlsx_response(name: str, columns: Sequence[Column], source: Source, query: Query) -> HttpResponseBase:
    """Every row as XLSX; 422 beyond the limit."""
    if source.count(query, XLSX_MOST + 1) > XLSX_MOST:
        words = f"More than {XLSX_MOST:,} rows do not fit this format here: export as CSV, or filter first."
        return HttpResponse(words, status=422, content_type="text/plain; charset=utf-8")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - FileResponse closes it
    try:
        _write_book(file, name, columns, source.stream(query))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{name}.xlsx")


def _write_book(file: IO[bytes], name: str, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    with Workbook(file, {"constant_memory": True}) as book:
        sheet = book.add_worksheet(name[:31])
        for place, title in enumerate(_titles(columns)):
            sheet.write_string(0, place, title)
        for line, row in enumerate(rows, start=1):
            for place, (column, text) in enumerate(_texts(columns, row)):
                if column is not None and column.numeric and text and _fits(text):
                    sheet.write_number(line, place, Decimal(text))  # Decimal, so that no float rounds it
                else:
                    sheet.write_string(line, place, text)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from iter(partial(file.read, BLOCK_BYTES), b"")


def neutral(column: Column | None, text: str) -> str:
    """The text made harmless for a spreadsheet, unless it is a number or instant of ours."""
    ours = column is None or column.numeric
    return f"'{text}" if not ours and text.startswith(DANGEROUS) else text


def _titles(columns: Sequence[Column]) -> list[str]:
    titles: list[str] = []
    for column in columns:
        titles.append(column.heading)
        if column.currency:
            titles.append(f"{column.title} currency")
    return titles


def _texts(columns: Sequence[Column], row: Row) -> Iterator[tuple[Column | None, str]]:
    for column in columns:
        yield column, plain(column.kind, column.read_export(row), column.places)
        if column.currency:
            yield None, column.read_currency(row)


def _fits(text: str) -> bool:
    return len(text.lstrip("-").replace(".", "").lstrip("0")) <= EXACT_DIGITS
