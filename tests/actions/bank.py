"""The bank of the acts' tests: an account that collects, mandates, a day that a test moves, what statements tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time

import pytest

from tests.actions.test_invoice_runs import postpaid
from tests.actions.test_tasks import actor_of, user, work
from tests.core.test_bank_statements import HEAD, TAIL
from tollgate.actions import records
from tollgate.actions.acts import acting
from tollgate.actions.bank_confirmations import confirm_bank_run
from tollgate.actions.bank_credits import import_bank_credit
from tollgate.actions.mandates import MandateFields, create_mandate
from tollgate.actions.options import update_options
from tollgate.actions.uploads import read_file
from tollgate.core.upload_fields import NOUNS
from tollgate.core.uploads import guess, read_row
from tollgate.store.models import Account, BankRun, Customer, Mandate, Payment, Task, User

OWN_IBAN = "LT601010012345678901"
IBAN = "LT121000011101001000"
TODAY = date(2026, 11, 20)
Move = Callable[[date], None]


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> Iterator[Move]:
    """It is the day that the test says, at first `TODAY`; give it another to move on."""

    def move(on: date) -> None:
        monkeypatch.setattr(records, "now", lambda: datetime.combine(on, time(10), UTC))

    move(TODAY)
    return move


def collecting(account: Account) -> Account:
    """The account with a bank account and a creditor identifier."""
    return update_options(
        account_id=account.pk,
        sepa_name="Demo Telecom",
        sepa_iban=OWN_IBAN,
        sepa_creditor_id="DE98ZZZ09999999999",
        payment_details="IBAN LT12",
    )


def with_mandate(account: Account, name: str, **fields: object) -> tuple[Customer, Mandate]:
    """Who pays afterwards and has signed a mandate."""
    given: MandateFields = fields  # type: ignore[assignment]
    customer = postpaid(account, name, notification_emails=[f"{name.lower()}@example.com"])
    signed = {"signed_on": "2026-11-01", "holder": f"{name} UAB", "iban": IBAN}
    return customer, create_mandate(customer_id=customer.pk, **signed, **given)  # type: ignore[misc]


def entry(
    amount: str,
    on: date,
    *details: str,
    kind: str = "CRDT",
    reference: str = "",
    batch: str = "",
    back: bool = False,
) -> str:
    """One booked entry of a day."""
    own = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    ours = f"<Btch><PmtInfId>{batch}</PmtInfId></Btch>" if batch else ""
    told = f"<NtryDtls>{ours}{''.join(details)}</NtryDtls>" if details or ours else ""
    reversal = "<RvslInd>true</RvslInd>" if back else ""
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{kind}</CdtDbtInd>{reversal}<Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{on}</Dt></BookgDt>{own}{told}</Ntry>"
    )


def part(end_to_end: str, *, amount: str = "", reference: str = "", reason: str = "", told: str = "") -> str:
    """One payment of an entry; with a reason it is sent back."""
    own = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    worth = f'<Amt Ccy="EUR">{amount}</Amt>' if amount else ""
    back = f"<RtrInf><Rsn><Cd>{reason}</Cd></Rsn></RtrInf>" if reason else ""
    words = f"<RmtInf><Ustrd>{told}</Ustrd></RmtInf>" if told else ""
    return f"<TxDtls><Refs>{own}<EndToEndId>{end_to_end}</EndToEndId></Refs>{worth}{words}{back}</TxDtls>"


def told(account: Account, *entries: str, notice: bool = False) -> list[Payment]:
    """What a statement (camt.053), or a notice (camt.054) of the same, books, row by row as its upload does."""
    text = HEAD.format(version="08") + "".join(entries) + TAIL
    if notice:
        text = text.replace("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn").replace("Stmt>", "Ntfctn>").replace("S-7", "N-9")
        text = text.replace("BkToCstmrDbtCdtNtfctn><GrpHdr>", "BkToCstmrDbtCdtNtfctn><GrpHdr>")
    read = read_file(text.encode(), "bank_credit")
    fields = NOUNS["bank_credit"].fields
    booked = []
    for line in read.lines:
        values, errors = read_row(line.cells, guess(read.headers, fields), fields)
        assert not errors
        booked.append(import_bank_credit(account_id=account.pk, **values))
    return booked


def confirmed(run: BankRun) -> Task:
    """The job that confirms all of a file in somebody else's name, worked to its end."""
    known = User.objects.filter(email="otto@demo.example").first()
    with acting(actor_of(known or user("otto@demo.example", "*"))):
        task = confirm_bank_run(bank_run_id=run.pk)
    work(task=task)
    task.refresh_from_db()
    return task
