"""Claims about the rows of carriers' files: what would take all memory, or is cut, is told of."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest

from tollgate.actions.carrier_file_rows import _rows, packed
from tollgate.actions.uploads import sheet_rows
from tollgate.core.uploads import CellInvalid


def test_a_workbook_that_would_take_all_memory_or_is_cut_is_told_of() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Cost", 1.234])
    good = io.BytesIO()
    book.save(good)
    assert [list(row) for row in sheet_rows(good.getvalue())] == [["Cost", "1.234"]]
    for name, put in (
        ("xl/sharedStrings.xml", b"<t>" * 12_000_000),
        ("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row><c><v>1</v>"),
    ):
        spoiled = io.BytesIO()
        with zipfile.ZipFile(good) as old, zipfile.ZipFile(spoiled, "w", zipfile.ZIP_DEFLATED) as new:
            for part in {*old.namelist(), name}:
                new.writestr(part, put if part == name else old.read(part))
        with pytest.raises(CellInvalid, match="far larger than it looks" if len(put) > 99 else "not a workbook"):
            list(sheet_rows(spoiled.getvalue()))
    with pytest.raises(CellInvalid, match="longer than 1 million signs"):
        list(_rows(packed(b"a,b\n" + b"x" * 2**21)))
