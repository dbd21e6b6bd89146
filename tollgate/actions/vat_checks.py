"""Acts on VAT checks: a question to a register whether a customer's number is valid, and its answer kept as proof.

A question is put down here and asked by a tick (`ask_next`), outside of any transaction of people, until the register
answers or `MOST_TRIES` are over. Until then the number's form decides (actions.taxes). What reverse charge rests on is
asked anew each month (`ask_again`). People of the account are told of numbers that are not confirmed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from tollgate.actions import records
from tollgate.actions.acts import act, refuse
from tollgate.actions.examinations import addresses_of
from tollgate.actions.messages import queue
from tollgate.core.taxes import EU
from tollgate.gateways.vat import Answer, NotAnswered, Question, number_fits, register_of
from tollgate.store.models import Account, Customer, VatCheck

MOST_TRIES: Final = 30
PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(hours=6)
IN_HAND: Final = timedelta(minutes=2)
"""How long a question that is being asked is left alone by others."""
PROVED: Final = timedelta(days=30)
"""How long an answer is proof enough for another document by reverse charge."""
BY_NUMBER: Final = ("auto", "reverse_charge")
"""The treatments in which a number decides."""
INVALID: Final = "The number is not valid."
AS_TAXED: Final = (
    "From now on no document of this customer is by reverse charge: it bears the customer's VAT, and without one that"
    " holds its billing rests. Ask the customer for its number, or give it a tax."
)
SILENT: Final = "The register has not answered, though it was asked {count} times."
BY_FORM: Final = "The number has the right form, so documents by reverse charge go on; there is no new proof for them."


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


def ask_again(at: datetime) -> int:
    """Has those numbers asked for anew on which reverse charge rests and of which nothing was heard for `PROVED`."""
    abroad = ~Q(country=F("account__country")) | Q(tax_treatment="reverse_charge")
    buyers = Customer.objects.filter(abroad, country__in=EU, account__country__in=EU, deleted_at=None)
    buyers = buyers.filter(tax_treatment__in=BY_NUMBER).exclude(tax_number="").exclude(account__vat_id="")
    heard = VatCheck.objects.annotate(heard_at=Coalesce("answered_at", "asked_at"))
    fresh = set(
        heard.filter(Q(state="queued") | Q(heard_at__gt=at - PROVED), customer__in=buyers).values_list(
            "customer_id", "number"
        )
    )
    count = 0
    for customer in buyers.select_related("account").order_by("pk"):
        old = (customer.pk, customer.tax_number) not in fresh
        if old and number_fits(customer.tax_number, customer.country):
            ask_later(customer)
            count += 1
    return count


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
        given_up = check.tries_count + 1 >= MOST_TRIES
        with transaction.atomic():
            VatCheck.objects.filter(pk=check.pk).update(
                state="unavailable" if given_up else "queued",
                provider=register.name,
                answer=silence.answer or str(silence),
            )
            if given_up:
                _tell(check, SILENT.format(count=MOST_TRIES), BY_FORM)
        return True
    _keep(check, register.name, answer, at)
    return True


def _own_number(account: Account) -> str:
    """Our own number, with which the register proves that we asked."""
    return account.vat_id if number_fits(account.vat_id, account.country) and account.country in EU else ""


def _keep(check: VatCheck, register: str, answer: Answer, at: datetime) -> None:
    answered = VatCheck.objects.filter(customer=check.customer, number=check.number, state__in=("valid", "invalid"))
    before = answered.order_by("-answered_at", "-id").values_list("state", flat=True).first()
    state = "valid" if answer.valid else "invalid"
    with transaction.atomic():
        VatCheck.objects.filter(pk=check.pk).update(
            state=state,
            provider=register,
            name=answer.name,
            address=answer.address,
            consultation=answer.consultation,
            answer=answer.text,
            answered_at=at,
        )
        if state == "invalid" and before != "invalid":
            _tell(check, INVALID, AS_TAXED)


def _tell(check: VatCheck, answer: str, what: str) -> None:
    """Tells people of the account of a number that is not confirmed, where it is the customer's still."""
    customer = check.customer
    if customer.tax_number != check.number or customer.deleted_at is not None:
        return
    account: Account = customer.account
    values = {"number": check.number, "answer": answer, "what": what}
    for address in addresses_of(account):
        queue(account_id=account.pk, template="vat_number", values=values, recipient=address, customer_id=customer.pk)
