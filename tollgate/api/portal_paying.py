"""How programs of contacts pay: the ways that are open, and the address where the payer of a checkout pays.

The acts themselves stand in portal.ACTS; what is here runs beside them, because a gateway is asked outside of every
transaction.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tollgate.actions.acts import Invalid
from tollgate.actions.contact_tokens import TokenVisit
from tollgate.actions.messages import address_of
from tollgate.actions.own_payments import send_payer
from tollgate.actions.payment_amounts import ways_of
from tollgate.api.answers import Answer, error, unfit
from tollgate.store.models import Checkout


def ways(visit: TokenVisit) -> list[dict[str, Any]]:
    """The ways to pay that are open to the customer; one without a gateway is a bank transfer, with where it goes."""
    customer = visit.contact.customer
    return [
        {
            "name": way.name,
            "title": way.title,
            "currencies": list(way.currencies),
            "surcharge_micros": way.gateway.surcharge_micros if way.gateway else 0,
            "surcharge_ppm": way.gateway.surcharge_ppm if way.gateway else 0,
            "details": "" if way.gateway else customer.account.payment_details,
        }
        for way in ways_of(customer, datetime.now(UTC))
    ]


def sent_to_pay(visit: TokenVisit, answer: Answer) -> Answer:
    """The answer to `start_checkout`, with the payment and the address where it is paid.

    A repeat with the same Idempotency-Key is told the same address, also at the same moment: the gateway is asked once.
    """
    if answer.status >= 400:
        return answer
    found = Checkout.objects.select_related("payment", "gateway").filter(payment__customer=visit.contact.customer)
    checkout = found.get(pk=answer.body["result"]["id"])
    payment, url = checkout.payment, checkout.url
    if not url:
        page = f"{address_of(visit.contact.customer.domain)}/portal/payments/{payment.pk}/"
        back = {"return_url": f"{page}?back=1", "cancel_url": page, "page_url": f"{page}pay/"}
        try:
            url = send_payer(checkout, email=visit.contact.email, **back, at=datetime.now(UTC))
        except Invalid as problem:
            return unfit(*(error(name, word) for name, told in problem.errors.items() for word in told)).answer
    result = {
        "id": payment.pk,
        "url": url,
        "currency": payment.received_currency,
        "amount_micros": payment.received_micros,
        "surcharge_micros": payment.surcharge_micros,
    }
    return Answer(answer.status, {**answer.body, "result": result}, answer.headers)
