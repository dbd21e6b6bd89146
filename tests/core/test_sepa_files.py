"""Claims about files for the bank: valid by the schemas of ISO 20022, and their sums are those of their lines."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tollgate.core import sepa
from tollgate.core.sepa_files import DEBITS, TRANSFERS, Batch, Item, Order, Party, batches_of, debits, transfers

OWN = Party(name="Demo Telecom", iban="LT121000011101001000", bic="HABALT22", creditor_id="DE98ZZZ09999999999")
MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
IDS = st.from_regex(r"\A[A-Z0-9][A-Z0-9-]{0,33}\Z")
WORDS = st.text(min_size=1, max_size=100).map(lambda text: sepa.latin(text, 70)).filter(bool)
ITEMS = st.builds(
    Item,
    end_to_end_id=IDS,
    amount_micros=st.integers(1, 10**9).map(lambda cents: cents * 10_000),
    party=st.builds(
        Party, name=WORDS, iban=st.just("LT121000011101001000"), bic=st.sampled_from(["", "HABALT22", "HABALT22XXX"])
    ),
    words=WORDS,
    mandate=IDS,
    signed_on=st.dates(date(2000, 1, 1), date(2026, 11, 20)),
)
LINES = st.lists(
    st.tuples(st.sampled_from(["CORE", "B2B"]), st.sampled_from(list(sepa.Sequence)), ITEMS), min_size=1, max_size=8
)


def schema(name: str) -> etree.XMLSchema:
    """A schema of ISO 20022, as its registration authority gives it to everybody."""
    return etree.XMLSchema(etree.parse(Path(__file__).parent / "data" / "iso20022" / f"{name}.xsd"))


SCHEMAS = {DEBITS: schema(DEBITS), TRANSFERS: schema(TRANSFERS)}


def order(*batches: Batch) -> Order:
    """A file of these batches."""
    return Order(message_id="DD-1", made_at=MOMENT, own=OWN, batches=batches)


def sums(content: bytes) -> None:
    """The counts and sums of the file and of each batch are those of its lines, to the cent."""
    root = ET.fromstring(content)
    space = {"p": root.tag[1:].partition("}")[0]}
    for part in (*root.findall(".//p:PmtInf", space), root):
        head = part if part is not root else root.find(".//p:GrpHdr", space)
        assert head is not None
        cents = [int(str(one.text).replace(".", "")) for one in part.findall(".//p:InstdAmt", space)]
        assert head.findtext("p:NbOfTxs", None, space) == str(len(cents))
        assert int(str(head.findtext("p:CtrlSum", None, space)).replace(".", "")) == sum(cents)


@given(LINES)
def test_direct_debits_are_valid_by_the_schema_and_sum_to_their_lines(lines: list[tuple[str, str, Item]]) -> None:
    batches = batches_of("DD-1", date(2026, 12, 7), lines)
    assert sorted(item.end_to_end_id for batch in batches for item in batch.items) == sorted(
        item.end_to_end_id for _, _, item in lines
    )
    assert len({(batch.scheme, batch.sequence) for batch in batches}) == len({batch.batch_id for batch in batches})
    content = debits(order(*batches))
    assert content == debits(order(*batches))
    SCHEMAS[DEBITS].assertValid(etree.fromstring(content))
    sums(content)


@given(st.lists(ITEMS, min_size=1, max_size=8))
def test_transfers_are_valid_by_the_schema_and_sum_to_their_lines(items: list[Item]) -> None:
    content = transfers(order(Batch(batch_id="CT-1-1", on=date(2026, 12, 7), items=items)))
    SCHEMAS[TRANSFERS].assertValid(etree.fromstring(content))
    sums(content)


def test_a_collection_says_by_which_mandate_and_when() -> None:
    item = Item(
        end_to_end_id="INV-1",
        amount_micros=121_000_000,
        party=Party(name="Acme", iban="LT121000011101001000"),
        words="Invoice INV-1",
        mandate="M-1",
        signed_on=date(2026, 1, 2),
    )
    text = debits(order(*batches_of("DD-1", date(2026, 12, 7), [("CORE", "FRST", item)]))).decode()
    for said in (
        '<InstdAmt Ccy="EUR">121.00</InstdAmt>', "<MndtId>M-1</MndtId>", "<DtOfSgntr>2026-01-02</DtOfSgntr>",
        "<SeqTp>FRST</SeqTp>", "<ReqdColltnDt>2026-12-07</ReqdColltnDt>", "<PmtInfId>DD-1-1</PmtInfId>",
        "<EndToEndId>INV-1</EndToEndId>", "<Id>DE98ZZZ09999999999</Id>", "<CreDtTm>2026-11-20T09:30:00</CreDtTm>",
    ):  # fmt: skip
        assert said in text, said


def test_a_part_of_a_cent_is_never_written() -> None:
    item = Item(end_to_end_id="A", amount_micros=1, party=OWN, words="A", mandate="A", signed_on=date(2026, 1, 1))
    with pytest.raises(AssertionError):
        transfers(order(Batch(batch_id="B", on=date(2026, 12, 7), items=[item])))
