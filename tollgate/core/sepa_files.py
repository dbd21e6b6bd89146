"""Files for the bank in XML of ISO 20022: direct debits (pain.008.001.08) and transfers (pain.001.001.09).

As the SEPA rulebooks use them. Elements stand in the order of the schemas. Amounts are micros of whole cents; the sums
are those of the lines. To say more of a line, add it in its place of the schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from xml.etree import ElementTree as ET

from tollgate.core.money import format_micros

DEBITS: Final = "pain.008.001.08"
TRANSFERS: Final = "pain.001.001.09"
_SPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Whose account it is; `creditor_id` where that party collects."""

    name: str
    iban: str
    bic: str = ""
    creditor_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One payment with the other party: what it is for, and of a collection by which mandate."""

    end_to_end_id: str
    amount_micros: int
    party: Party
    words: str
    mandate: str = ""
    signed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Payments of one day that the bank may book as one sum; collections of one scheme and one sequence."""

    batch_id: str
    on: date
    items: Sequence[Item]
    scheme: str = ""
    sequence: str = ""

    @property
    def total_micros(self) -> int:
        """The sum of its payments."""
        return sum(item.amount_micros for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one file asks of the bank."""

    message_id: str
    made_at: datetime
    own: Party
    batches: Sequence[Batch]


def debits(order: Order) -> bytes:
    """A file of direct debits."""
    root, initiation = _root(DEBITS, "CstmrDrctDbtInitn", order)
    for batch in order.batches:
        info = _batch(initiation, batch, "DD")
        kind = _add(info, "PmtTpInf")
        _add(kind, "SvcLvl/Cd", "SEPA")
        _add(kind, "LclInstrm/Cd", batch.scheme)
        _add(kind, "SeqTp", batch.sequence)
        _add(info, "ReqdColltnDt", batch.on.isoformat())
        _add(info, "Cdtr/Nm", order.own.name)
        _add(info, "CdtrAcct/Id/IBAN", order.own.iban)
        _bank(info, "CdtrAgt", order.own)
        _add(info, "ChrgBr", "SLEV")
        scheme = _add(info, "CdtrSchmeId/Id/PrvtId/Othr")
        _add(scheme, "Id", order.own.creditor_id)
        _add(scheme, "SchmeNm/Prtry", "SEPA")
        for item in batch.items:
            _debit(info, item)
    return _written(root)


def transfers(order: Order) -> bytes:
    """A file of transfers."""
    root, initiation = _root(TRANSFERS, "CstmrCdtTrfInitn", order)
    for batch in order.batches:
        info = _batch(initiation, batch, "TRF")
        _add(info, "PmtTpInf/SvcLvl/Cd", "SEPA")
        _add(info, "ReqdExctnDt/Dt", batch.on.isoformat())
        _add(info, "Dbtr/Nm", order.own.name)
        _add(info, "DbtrAcct/Id/IBAN", order.own.iban)
        _bank(info, "DbtrAgt", order.own)
        _add(info, "ChrgBr", "SLEV")
        for item in batch.items:
            _transfer(info, item)
    return _written(root)


def _debit(info: ET.Element, item: Item) -> None:
    line = _add(info, "DrctDbtTxInf")
    _add(line, "PmtId/EndToEndId", item.end_to_end_id)
    _amount(line, "InstdAmt", item.amount_micros)
    mandate = _add(line, "DrctDbtTx/MndtRltdInf")
    _add(mandate, "MndtId", item.mandate)
    assert item.signed_on is not None
    _add(mandate, "DtOfSgntr", item.signed_on.isoformat())
    _bank(line, "DbtrAgt", item.party)
    _add(line, "Dbtr/Nm", item.party.name)
    _add(line, "DbtrAcct/Id/IBAN", item.party.iban)
    _add(line, "RmtInf/Ustrd", item.words)


def _transfer(info: ET.Element, item: Item) -> None:
    line = _add(info, "CdtTrfTxInf")
    _add(line, "PmtId/EndToEndId", item.end_to_end_id)
    _amount(_add(line, "Amt"), "InstdAmt", item.amount_micros)
    if item.party.bic:
        _bank(line, "CdtrAgt", item.party)
    _add(line, "Cdtr/Nm", item.party.name)
    _add(line, "CdtrAcct/Id/IBAN", item.party.iban)
    _add(line, "RmtInf/Ustrd", item.words)


def _root(name: str, kind: str, order: Order) -> tuple[ET.Element, ET.Element]:
    root = ET.Element("Document", {"xmlns": f"{_SPACE}{name}"})
    initiation = _add(root, kind)
    head = _add(initiation, "GrpHdr")
    _add(head, "MsgId", order.message_id)
    _add(head, "CreDtTm", f"{order.made_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}")
    _sums(head, [item for batch in order.batches for item in batch.items])
    _add(head, "InitgPty/Nm", order.own.name)
    return root, initiation


def _batch(initiation: ET.Element, batch: Batch, method: str) -> ET.Element:
    info = _add(initiation, "PmtInf")
    _add(info, "PmtInfId", batch.batch_id)
    _add(info, "PmtMtd", method)
    _add(info, "BtchBookg", "true")
    _sums(info, batch.items)
    return info


def _sums(parent: ET.Element, items: Sequence[Item]) -> None:
    _add(parent, "NbOfTxs", str(len(items)))
    _add(parent, "CtrlSum", amount_text(sum(item.amount_micros for item in items)))


def _bank(parent: ET.Element, name: str, party: Party) -> None:
    """The bank by its BIC, or that it is found by the IBAN."""
    way = "FinInstnId/BICFI" if party.bic else "FinInstnId/Othr/Id"
    _add(_add(parent, name), way, party.bic or "NOTPROVIDED")


def _amount(parent: ET.Element, name: str, micros: int) -> None:
    _add(parent, name, amount_text(micros)).set("Ccy", "EUR")


def amount_text(micros: int) -> str:
    """An amount of whole cents as the schemas want it."""
    assert micros > 0
    assert micros % 10_000 == 0, "a bank moves whole cents"
    return format_micros(micros, 2)


def _add(parent: ET.Element, way: str, text: str = "") -> ET.Element:
    """A new element below the parent, by the names of those that lead to it."""
    for name in way.split("/"):
        parent = ET.SubElement(parent, name)
    parent.text = text or None
    return parent


def _written(root: ET.Element) -> bytes:
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def batches_of(message_id: str, on: date, items: Iterable[tuple[str, str, Item]]) -> list[Batch]:
    """Collections as they stand in a file, each with its scheme and sequence: a batch for each pair, in their order."""
    sorted_out: dict[tuple[str, str], list[Item]] = {}
    for scheme, sequence, item in items:
        sorted_out.setdefault((scheme, sequence), []).append(item)
    return [
        Batch(batch_id=f"{message_id}-{place}", on=on, items=tuple(found), scheme=scheme, sequence=sequence)
        for place, ((scheme, sequence), found) in enumerate(sorted_out.items(), start=1)
    ]
