"""Claims about bank statements: booked credits alone are read, in any version, and no file fills the memory."""

from __future__ import annotations

import pytest

from tollgate.core.bank_statements import HEADERS, is_statement, read
from tollgate.core.uploads import CellInvalid

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">'
    "<BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId></GrpHdr><Stmt><Id>S-7</Id>"
    "<Acct><Id><IBAN>LT601010012345678901</IBAN></Id></Acct>"
)
TAIL = "</Stmt></BkToCstmrStmt></Document>"


def entry(amount: str, *details: str, kind: str = "CRDT", state: str = "<Cd>BOOK</Cd>", more: str = "") -> str:
    """One entry of a statement."""
    told = f"<NtryDtls>{''.join(details)}</NtryDtls>" if details else ""
    return (
        f'<Ntry><NtryRef>1</NtryRef><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{kind}</CdtDbtInd>{more}'
        f"<Sts>{state}</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt>{told}</Ntry>"
    )


def detail(
    reference: str = "", *, amount: str = "", end_to_end: str = "NOTPROVIDED", told: str = "", name: str = ""
) -> str:
    """What the bank tells of one payment."""
    worth = f'<Amt Ccy="EUR">{amount}</Amt>' if amount else ""
    own = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return (
        f"<TxDtls><Refs>{own}<EndToEndId>{end_to_end}</EndToEndId></Refs>{worth}"
        f"<RltdPties><Dbtr>{name}</Dbtr><DbtrAcct><Id><IBAN>LT12</IBAN></Id></DbtrAcct></RltdPties>"
        f"<RmtInf>{told}</RmtInf></TxDtls>"
    )


def rows(*entries: str, version: str = "08") -> list[tuple[str, ...]]:
    """What is read of a statement, without its titles."""
    first, *found = read((HEAD.format(version=version) + "".join(entries) + TAIL).encode())
    assert first == (1, HEADERS)
    return [row for _, row in found]


@pytest.mark.parametrize("version", ["02", "08"])
def test_a_credit_tells_amount_payer_and_what_it_is_for(version: str) -> None:
    name = "<Nm>Acme</Nm>" if version == "02" else "<Pty><Nm>Acme</Nm></Pty>"
    state = "BOOK" if version == "02" else "<Cd>BOOK</Cd>"
    told = "<Ustrd>Invoice</Ustrd><Ustrd>INV-2026-00042 </Ustrd><Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd>"
    paid = entry("121.00", detail("B1", end_to_end="E-1", told=told, name=name), state=state)
    assert rows(paid, version=version) == [
        (
            *("", "121.00", "EUR", "E-1; Invoice; INV-2026-00042; RF18", "Acme LT12", "B1", "2026-11-20", "", ""),
            *("E-1", "", "", "camt.053", "LT601010012345678901", "", "B1", "", ""),
        )
    ]


def test_each_payment_of_a_batch_is_a_credit_and_a_batch_that_is_not_parted_is_one() -> None:
    parted = entry("30.00", detail("B1", amount="10.00"), detail(amount="20.00"), more="")
    assert [(row[1], row[5]) for row in rows(parted)] == [
        ("10.00", "B1"),
        ("20.00", "~LT601010012345678901 S-7 1/2"),
    ]
    whole = entry("30.00", detail(told="<Ustrd>A</Ustrd>"), detail(told="<Ustrd>B</Ustrd>"))
    assert [(row[1], row[3], row[5]) for row in rows(whole)] == [("30.00", "A; B", "~LT601010012345678901 S-7 1")]


def test_a_batch_is_parted_only_where_its_parts_are_the_whole_and_have_ids_of_their_own() -> None:
    lacking = entry("30.00", detail("B1", amount="10.00"), detail("B2", amount="19.99"))
    assert [(row[1], row[5]) for row in rows(lacking)] == [("30.00", "~LT601010012345678901 S-7 1")]
    for amount in ("much", "sNaN", "1E999999999"):
        odd = entry("30.00", detail("B1", amount=amount), detail("B2", amount=amount))
        assert [row[1] for row in rows(odd)] == ["30.00"]
    own = "<AcctSvcrRef>B1</AcctSvcrRef>"
    alike = entry("3.00", detail("B1", amount="1.00"), detail("B1", amount="2.00"), more=own)
    assert [row[5] for row in rows(alike)] == ["B1/1", "B1/2"]
    returned = detail("B2", amount="1.00").replace("</Amt>", "</Amt><CdtDbtInd>DBIT</CdtDbtInd>")
    told = rows(entry("2.00", detail("B1", amount="3.00"), returned))
    assert [(row[1], row[5], row[7]) for row in told] == [("3.00", "B1", ""), ("1.00", "B2", "yes")]


def test_an_id_that_is_none_is_made_of_the_statement_and_the_entrys_own_holds_in_both_kinds_of_files() -> None:
    assert rows(entry("1.00", detail("NONREF")))[0][5] == "~LT601010012345678901 S-7 1"
    told = "<AcctSvcrRef>B1</AcctSvcrRef>"
    for same in (entry("1.00", more=told), entry("1.00", detail("T1"), more=told)):
        assert rows(same)[0][5] == "B1"


def test_what_is_no_booked_credit_is_left_out_and_what_is_booked_back_is_told() -> None:
    back = "<RvslInd>true</RvslInd>"
    told = rows(
        entry("1.00", kind="DBIT"),
        entry("2.00", state="<Cd>PDNG</Cd>"),
        entry("3.00", more=back),
        entry("4.00", kind="DBIT", more=back),
    )
    assert [(row[1], row[7]) for row in told] == [("3.00", "yes"), ("4.00", "yes")]


def test_what_is_returned_is_told_with_its_reason_one_by_one_without_the_fees_of_the_bank() -> None:
    parts = [
        detail(amount="10.00", end_to_end=f"INV-{place}").replace(
            "</TxDtls>", f"<RtrInf><Rsn><Cd>{code}</Cd></Rsn></RtrInf></TxDtls>"
        )
        for place, code in enumerate(("AM04", "MD06"))
    ]
    told = rows(entry("27.00", *parts, kind="DBIT"))
    assert [(row[1], row[7], row[9], row[11]) for row in told] == [
        ("10.00", "yes", "INV-0", "AM04"),
        ("10.00", "yes", "INV-1", "MD06"),
    ]
    (one,) = rows(entry("13.50", parts[0].replace("<Cd>AM04</Cd>", ""), kind="CRDT"))
    assert (one[1], one[7], one[11]) == ("10.00", "yes", "NARR")
    (unclear,) = rows(entry("20.00", parts[0], detail(amount="10.00"), kind="DBIT"))
    assert (unclear[1], unclear[7], unclear[11]) == ("20.00", "yes", "")


def test_the_id_of_a_batch_is_ours_and_what_it_came_to_is_told_with_each_part() -> None:
    batch = "<Btch><PmtInfId>DD-1-1</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>"
    (alone,) = rows(entry("30.00", batch))
    assert (alone[1], alone[10], alone[16]) == ("30.00", "DD-1-1", "30.00")
    parted = rows(entry("30.00", batch, detail("B1", amount="10.00"), detail("B2", amount="20.00")))
    assert [(row[10], row[14], row[15], row[16]) for row in parted] == [
        ("DD-1-1", "", "B1", "30.00"),
        ("DD-1-1", "", "B2", "30.00"),
    ]


def test_of_money_that_goes_out_only_what_may_be_a_transfer_of_ours_is_told() -> None:
    told = rows(
        entry("5.00", detail("B0", end_to_end="SALARY-7"), kind="DBIT"),
        entry("40.00", detail("B1", end_to_end="PAYOUT-3"), kind="DBIT"),
        entry(
            "30.00",
            detail("B2", amount="10.00", end_to_end="PAYOUT-4"),
            detail("B3", amount="20.00", end_to_end="SALARY-8"),
            kind="DBIT",
        ),
        entry("50.00", "<Btch><PmtInfId>CT-20261123-0123456789ab-1</PmtInfId></Btch>", kind="DBIT"),
        entry("60.00", "<Btch><PmtInfId>SALARIES-1</PmtInfId></Btch>", kind="DBIT"),
        entry("70.00", detail("B4", end_to_end="PAYOUT-5"), kind="DBIT", state="<Cd>PDNG</Cd>"),
        entry("80.00", detail("B5", amount="much", end_to_end="PAYOUT-6"), detail("B6"), kind="DBIT"),
    )
    assert [(row[1], row[9], row[10], row[17]) for row in told] == [
        ("40.00", "PAYOUT-3", "", "yes"),
        ("10.00", "PAYOUT-4", "", "yes"),
        ("50.00", "", "CT-20261123-0123456789ab-1", "yes"),
        ("80.00", "", "", "yes"),
    ]
    assert {row[4] for row in told} == {""}, "the payer is us"


def test_a_file_of_very_many_parts_is_refused() -> None:
    with pytest.raises(CellInvalid, match="more than 1,000,000 parts"):
        read(b"<Document>" + b"<Ntry/>" * 1_000_000 + b"</Document>")


def test_no_file_declares_anything() -> None:
    told = HEAD.format(version="08").replace("<Document", '<!DOCTYPE Document [<!ENTITY a "a">]><Document', 1)
    with pytest.raises(CellInvalid, match="declares types"):
        read((told + TAIL).encode())


@pytest.mark.parametrize(
    "text",
    [
        "<Document>",
        "<html></html>",
        "<Document/>",
        '<!DOCTYPE Document [<!ENTITY a "aaaa">]><Document>&a;</Document>',
        '<?xml version="1.0" encoding="nonsense"?><Document/>',
    ],
)
def test_what_is_no_statement_is_refused(text: str) -> None:
    assert is_statement(b"\xef\xbb\xbf \n" + text.encode())
    with pytest.raises(CellInvalid):
        read(text.encode())
    with pytest.raises(CellInvalid):
        read(text.encode("utf-16"))
    assert not is_statement(b"Amount;Currency")
