"""Bank statements as banks send them: camt.053 and camt.054 of ISO 20022, in any version, as rows for an upload.

Booked credits are read, and what a bank books back: direct debits returned, and the rest for a person. What it tells of
each payment that came in a batch is a row of its own. Of money that goes out only what may be a transfer of ours is
read, by its ids; the rest, and what is only announced, is left out. To read something more of a credit, add it to
`HEADERS` and to `_row`; which field it becomes is said by the titles (`upload_fields`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from xml.etree import ElementTree as ET

from tollgate.core import sepa
from tollgate.core.uploads import CellInvalid

HEADERS: Final = (
    "Company", "Amount", "Currency", "Paid for", "Payer", "External id", "Received at (UTC)", "Reversal", "Entered as",
    "End to end", "Batch", "Return reason", "Statement", "Own account", "Entry id", "Part id", "Batch amount",
    "Paid out",
)  # fmt: skip
"""The titles of the rows. *Company* and *Entered as* stay empty: a person fills them where the row does not say it."""
KINDS: Final = {"Stmt": "camt.053", "Ntfctn": "camt.054"}
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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row was told: the kind of the file, the account, and the part by which ids are made."""

    kind: str
    account: str
    made: str


@dataclass(frozen=True, slots=True)
class _Refs:
    """The ids of a row: its own, the bank's of the entry and of the payment in it, and what a batch came to."""

    own: str
    entry: str
    part: str
    batch_amount: str


def _rows(statement: ET.Element) -> Iterator[tuple[str, ...]]:
    account = _text(statement, "Acct", "Id", "IBAN") or _text(statement, "Acct", "Id", "Othr", "Id")
    begins = f"{MADE}{account} {_text(statement, 'Id')}".strip()
    for number, entry in enumerate(_all(statement, "Ntry"), start=1):
        state = _text(entry, "Sts", "Cd") or _text(entry, "Sts")
        parts = [part for details in _all(entry, "NtryDtls") for part in _all(details, "TxDtls")]
        out = _text(entry, "CdtDbtInd") != "CRDT"
        reasons = [_reason(part) for part in parts]
        sent_back = any(reasons) if out else bool(reasons) and all(reasons)
        back = sent_back or _text(entry, "RvslInd") in ("true", "1")
        way = "back" if back else "out" if out else "in"
        if state not in ("", "BOOK") or (way == "out" and not _may_be_ours(entry, parts)):
            continue
        made = f"{begins} {_text(entry, 'NtryRef') or number}"
        yield from _of_entry(entry, parts, way=way, place=_Place(KINDS[_name(statement)], account[:50], made))


def _of_entry(entry: ET.Element, parts: list[ET.Element], *, way: str, place: _Place) -> Iterator[tuple[str, ...]]:
    """The rows of one entry: one, or one for each payment that it tells of."""
    told = _id(entry, "AcctSvcrRef")
    ids = Counter(_id(part, "Refs", "AcctSvcrRef") for part in parts)
    several = _parted_out(entry, parts) if way == "out" else _parted(entry, parts, back=way == "back")
    for index, (part, amount, part_back) in enumerate(several, start=1):
        one = _id(part, "Refs", "AcctSvcrRef")
        alone = one not in ("", told) and ids[one] == 1
        own = one if alone else f"{told or place.made}/{index}"
        refs = _Refs(own, told, own if alone or told else "", _text(entry, "Amt"))
        if way != "out" or _is_payout(part):
            yield _row(entry, [part], amount=amount, way="back" if part_back else way, place=place, refs=refs)
    if not several:
        one = next(iter(ids)) if len(parts) == 1 else ""
        counts = [_text(details, "Btch", "NbOfTxs") for details in _all(entry, "NtryDtls")]
        batch = len(parts) > 1 or any(count not in ("", "0", "1") for count in counts)
        refs = _Refs(told or one or place.made, told, one, _text(entry, "Amt") if batch else "")
        yield _row(entry, parts, amount=_text(entry, "Amt"), way=way, place=place, refs=refs)


def _may_be_ours(entry: ET.Element, parts: list[ET.Element]) -> bool:
    """Whether money that went out may have been asked for by a file of ours."""
    return sepa.is_transfer_file(_batch(entry, parts)) or any(map(_is_payout, parts))


def _is_payout(part: ET.Element) -> bool:
    return sepa.is_payout(_id(part, "Refs", "EndToEndId"))


def _parted_out(entry: ET.Element, parts: list[ET.Element]) -> list[tuple[ET.Element, str, bool]]:
    """The transfers of an entry with their amounts, where the bank tells the id and amount of each; none elsewhere."""
    found = [(part, _amount(entry, part), False) for part in parts]
    try:
        told = sum(Decimal(amount) for _, amount, _ in found)
        parted = len(found) > 1 and any(map(_is_payout, parts)) and told == Decimal(_text(entry, "Amt"))
    except ArithmeticError:  # no number, or one of no money
        return []
    return found if parted else []


def _id(element: ET.Element, *way: str) -> str:
    found = _text(element, *way)
    return "" if found.upper() in NOT_PROVIDED else found


def _parted(entry: ET.Element, parts: list[ET.Element], *, back: bool) -> list[tuple[ET.Element, str, bool]]:
    """The payments of a batch, with their amounts and whether it takes them back; none where the bank does not tell
    them all: they come to the amount of the entry. What is returned stands alone: the entry has the bank's fees in it.
    """
    found = [(part, _amount(entry, part), back or _text(part, "CdtDbtInd") == "DBIT") for part in parts]
    try:
        if back:
            whole = all(Decimal(amount) > 0 and _reason(part) for part, amount, _ in found)
            return found if found and whole else []
        told = sum(-Decimal(amount) if taken else Decimal(amount) for _, amount, taken in found)
        return found if len(found) > 1 and told == Decimal(_text(entry, "Amt")) else []
    except ArithmeticError:  # no number, or one of no money
        return []


def _row(
    entry: ET.Element, parts: list[ET.Element], *, amount: str, way: str, place: _Place, refs: _Refs
) -> tuple[str, ...]:
    """One credit; of a batch that the bank does not part it is one of all its payments."""
    back, out = way == "back", way == "out"
    told = dict.fromkeys(text for part in parts for text in _told(part))
    payers = dict.fromkeys(text for part in parts if not out and (text := _payer(part)))
    booked = _text(entry, "BookgDt", "Dt")[:10] or _text(entry, "BookgDt", "DtTm")  # a date may have a zone
    currency = next((part.get("Ccy", "") for part in entry if _name(part) == "Amt"), "")
    names, reversal = "; ".join(payers)[:ID_MOST], "yes" if back else ""
    end_to_end = _id(parts[0], "Refs", "EndToEndId") if len(parts) == 1 else ""
    reason = _reason(parts[0]) if len(parts) == 1 and back else ""
    own, entry_id, part_id = (ref[:ID_MOST] for ref in (refs.own, refs.entry, refs.part))
    return (
        *("", amount, currency, "; ".join(told), names, own, booked, reversal, ""),
        *(end_to_end[:ID_MOST], _batch(entry, parts), reason, place.kind, place.account, entry_id, part_id),
        *(refs.batch_amount, "yes" if out else ""),
    )


def _reason(part: ET.Element) -> str:
    """Why the bank sends a payment back, by its code; `NARR` where it says so in words alone."""
    given = _find(part, "RtrInf")
    return "" if given is None else _text(given, "Rsn", "Cd") or "NARR"


def _batch(entry: ET.Element, parts: list[ET.Element]) -> str:
    """The id of our own that a batch was sent by: that of its part of a file, else the file's."""
    for name in ("PmtInfId", "MsgId"):
        told = {_id(details, "Btch", name) for details in _all(entry, "NtryDtls")}
        told |= {_id(part, "Refs", name) for part in parts}
        told.discard("")
        if len(told) == 1:
            return told.pop()[:35]
    return ""


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
