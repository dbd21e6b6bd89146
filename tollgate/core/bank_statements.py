"""Bank statements as banks send them: camt.053 and camt.054 of ISO 20022, in any version, as rows for an upload.

Booked credits are read, and what a bank books back, a row for a person. What it tells of each payment that came in a
batch is a row of its own. Money that goes out, and what is only announced, is left out. To read something more of a
credit, add it to `HEADERS` and to `_row`; which field it becomes is said by the titles (`upload_fields`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Final
from xml.etree import ElementTree as ET

from tollgate.core.uploads import CellInvalid

HEADERS: Final = (
    "Company", "Amount", "Currency", "Paid for", "Payer", "External id", "Received at (UTC)", "Reversal", "Entered as",
)  # fmt: skip
"""The titles of the rows. The first and the last stay empty: a person fills them where the row does not say it."""
NOT_PROVIDED: Final = frozenset({"NOTPROVIDED", "NONREF"})
"""What is written where there is no id: by the scheme where the payer has given none, by banks for their own."""
MADE: Final = "~"
"""How an id begins that is made here, of the statement: the bank has given none, and another statement has another."""
ID_MOST: Final = 200
PARTS_MOST: Final = 1_000_000


def is_statement(content: bytes) -> bool:
    """Whether a file begins as XML does."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read(content: bytes) -> list[tuple[int, tuple[str, ...]]]:
    """The titles and a row for each credit, each with its number. Raises CellInvalid."""
    root = _parsed(content)
    statements = [part for part in root.iter() if _name(part) in ("Stmt", "Ntfctn")]
    if _name(root) != "Document" or not statements:
        raise CellInvalid("This XML file is no bank statement: give camt.053 or camt.054, CSV or XLSX.")
    rows = [row for statement in statements for row in _rows(statement)]
    return list(enumerate((HEADERS, *rows), start=1))


class _Builder(ET.TreeBuilder):
    """Builds the tree of a file that declares nothing: entities could make a small file fill all memory."""

    count = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> ET.Element:
        self.count += 1
        if self.count > PARTS_MOST:
            raise CellInvalid(f"This XML file has more than {PARTS_MOST:,} parts: send a statement for each day.")
        return super().start(tag, attrs)

    def doctype(self, name: str, pubid: str, system: str) -> None:
        raise CellInvalid("This XML file declares types or entities: no bank statement does.")


def _parsed(content: bytes) -> ET.Element:
    try:
        return ET.fromstring(content, ET.XMLParser(target=_Builder()))  # noqa: S314 - no entities are taken
    except (ET.ParseError, LookupError, ValueError) as problem:
        if isinstance(problem, CellInvalid):
            raise
        raise CellInvalid(f"This XML file cannot be read: {problem}") from None


def _rows(statement: ET.Element) -> Iterator[tuple[str, ...]]:
    account = _text(statement, "Acct", "Id", "IBAN") or _text(statement, "Acct", "Id", "Othr", "Id")
    place = f"{MADE}{account} {_text(statement, 'Id')}".strip()
    for number, entry in enumerate(_all(statement, "Ntry"), start=1):
        state = _text(entry, "Sts", "Cd") or _text(entry, "Sts")
        back = _text(entry, "RvslInd") in ("true", "1")
        if state not in ("", "BOOK") or not (back or _text(entry, "CdtDbtInd") == "CRDT"):
            continue
        told, made = _id(entry, "AcctSvcrRef"), f"{place} {_text(entry, 'NtryRef') or number}"
        parts = [part for details in _all(entry, "NtryDtls") for part in _all(details, "TxDtls")]
        ids = Counter(_id(part, "Refs", "AcctSvcrRef") for part in parts)
        several = [] if back else _parted(entry, parts)
        for index, (part, amount, part_back) in enumerate(several, start=1):
            one = _id(part, "Refs", "AcctSvcrRef")
            own = one if one not in ("", told) and ids[one] == 1 else f"{told or made}/{index}"
            yield _row(entry, [part], amount, own, part_back)
        if not several:
            own = told or (next(iter(ids)) if len(parts) == 1 else "") or made
            yield _row(entry, parts, _text(entry, "Amt"), own, back)


def _id(element: ET.Element, *way: str) -> str:
    found = _text(element, *way)
    return "" if found.upper() in NOT_PROVIDED else found


def _parted(entry: ET.Element, parts: list[ET.Element]) -> list[tuple[ET.Element, str, bool]]:
    """The payments of a batch, with their amounts and whether it takes them back; none where the bank does not tell
    them all: they come to the amount of the entry."""
    found = [(part, _amount(entry, part), _text(part, "CdtDbtInd") == "DBIT") for part in parts]
    try:
        told = sum(-Decimal(amount) if back else Decimal(amount) for _, amount, back in found)
        return found if len(found) > 1 and told == Decimal(_text(entry, "Amt")) else []
    except ArithmeticError:  # no number, or one of no money
        return []


def _row(entry: ET.Element, parts: list[ET.Element], amount: str, external_id: str, back: bool) -> tuple[str, ...]:
    """One credit; of a batch that the bank does not part it is one of all its payments."""
    told = dict.fromkeys(text for part in parts for text in _told(part))
    payers = dict.fromkeys(text for part in parts if (text := _payer(part)))
    booked = _text(entry, "BookgDt", "Dt")[:10] or _text(entry, "BookgDt", "DtTm")  # a date may have a zone
    currency = next((part.get("Ccy", "") for part in entry if _name(part) == "Amt"), "")
    names, reversal = "; ".join(payers)[:ID_MOST], "yes" if back else ""
    return ("", amount, currency, "; ".join(told), names, external_id[:ID_MOST], booked, reversal, "")


def _amount(entry: ET.Element, part: ET.Element) -> str:
    """The amount of one payment of a batch, in the currency of the account; nothing where the bank tells none."""
    currencies = {found.get("Ccy") for found in entry if _name(found) == "Amt"}
    for way in (("Amt",), ("AmtDtls", "TxAmt", "Amt")):
        found = _find(part, *way)
        if found is not None and found.get("Ccy") in currencies:
            return (found.text or "").strip()
    return ""


def _told(part: ET.Element) -> Iterator[str]:
    """What the payer has said the money is for: the end-to-end id first, then the remittance information."""
    end_to_end = _id(part, "Refs", "EndToEndId")
    if end_to_end:
        yield end_to_end
    for told in _all(part, "RmtInf"):
        yield from ((one.text or "").strip() for one in _all(told, "Ustrd"))
        for structured in _all(told, "Strd"):
            yield _text(structured, "CdtrRefInf", "Ref")
            yield from (_text(one, "Nb") for one in _all(structured, "RfrdDocInf"))


def _payer(part: ET.Element) -> str:
    """Name and account; versions from 8 on have the name one level deeper."""
    name = _text(part, "RltdPties", "Dbtr", "Pty", "Nm") or _text(part, "RltdPties", "Dbtr", "Nm")
    return " ".join(text for text in (name, _text(part, "RltdPties", "DbtrAcct", "Id", "IBAN")) if text)


def _name(element: ET.Element) -> str:
    """The name without the namespace, which has the version."""
    return element.tag.rpartition("}")[2]


def _all(element: ET.Element, name: str) -> list[ET.Element]:
    return [part for part in element if _name(part) == name]


def _find(element: ET.Element, *way: str) -> ET.Element | None:
    found: ET.Element | None = element
    for name in way:
        found = None if found is None else next(iter(_all(found, name)), None)
    return found


def _text(element: ET.Element, *way: str) -> str:
    found = _find(element, *way)
    return "" if found is None else (found.text or "").strip()
