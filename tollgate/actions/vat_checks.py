"""Acts on VAT checks: a question to a register whether a customer's number is valid, and its answer kept as proof.

A question is put down here and asked by a tick (`ask_next`), outside of any transaction of people, until the register
answers or `MOST_TRIES` are over. Until then the number's form decides (actions.taxes).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F

from tollgate.actions import records
from tollgate.actions.acts import act, refuse
from tollgate.core.taxes import EU
from tollgate.gateways.vat import Answer, NotAnswered, Question, number_fits, register_of
from tollgate.store.models import Account, Customer, VatCheck

MOST_TRIES: Final = 30
PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(hours=6)
IN_HAND: Final = timedelta(minutes=2)
"""How long a question that is being asked is left alone by others."""


@act
def check_vat_number(*, customer_id: int) -> VatCheck:
    """Has the register of the EU asked whether the customer's tax number is valid; the answer comes in a while."""
    customer = records.find(Customer, customer_id)
    if customer.country not in EU:
        raise refuse("customer_id", "Only numbers of EU countries are in the register: set the customer's country.")
    if not number_fits(customer.tax_number, customer.country):
        raise refuse("customer_id", "The customer's tax number does not have the form of its country.")
    return ask_later(customer)


def ask_for_number(customer: Customer) -> None:
    """Has a number that is new asked for, where the register knows its country and the account is in the EU as well."""
    known = VatCheck.objects.filter(customer=customer, number=customer.tax_number)
    account: Account = customer.account
    in_register = customer.country in EU and account.country in EU
    if in_register and number_fits(customer.tax_number, customer.country) and not known.exists():
        ask_later(customer)


def ask_later(customer: Customer) -> VatCheck:
    """Puts down the question whether a customer's number is valid; one that waits already is that question."""
    waiting = VatCheck.objects.filter(customer=customer, number=customer.tax_number, state="queued").first()
    return waiting or records.create(VatCheck, {"customer_id": customer.pk, "number": customer.tax_number})


def ask_next(at: datetime) -> bool:
    """Asks the question that waits longest, right in several processes at once; whether there was one."""
    with transaction.atomic():
        due = VatCheck.objects.select_for_update(skip_locked=True).filter(state="queued", next_at__lte=at)
        check = due.order_by("next_at", "id").first()
        if check is None:
            return False
        pause = min(PAUSE * 2**check.tries_count, LONGEST_PAUSE) if check.tries_count else PAUSE
        VatCheck.objects.filter(pk=check.pk).update(tries_count=F("tries_count") + 1, next_at=at + max(IN_HAND, pause))
    account: Account = check.customer.account
    register = register_of()
    try:
        answer = register.ask(Question(number=check.number, own_number=_own_number(account)))
    except NotAnswered as silence:
        state = "unavailable" if check.tries_count + 1 >= MOST_TRIES else "queued"
        VatCheck.objects.filter(pk=check.pk).update(
            state=state, provider=register.name, answer=silence.answer or str(silence)
        )
        return True
    _keep(check, register.name, answer, at)
    return True


def _own_number(account: Account) -> str:
    """Our own number, with which the register proves that we asked."""
    return account.vat_id if number_fits(account.vat_id, account.country) and account.country in EU else ""


def _keep(check: VatCheck, register: str, answer: Answer, at: datetime) -> None:
    VatCheck.objects.filter(pk=check.pk).update(
        state="valid" if answer.valid else "invalid",
        provider=register,
        name=answer.name,
        address=answer.address,
        consultation=answer.consultation,
        answer=answer.text,
        answered_at=at,
    )
