"""Receipts of Moneris Checkout, as their documentation has them, with our own references and amounts in them.

The shape is that of the example in "Receipt Request" and of receipts that public integrations have recorded in Moneris'
test environment (udigeri/monca on GitHub): a purchase by a card, one that was declined, one without a receipt yet.
"""

from __future__ import annotations

from typing import Any, Final

from tests.gateways.payments.desk import Desk
from tollgate.gateways.payments import open_gateway
from tollgate.gateways.payments.model import Config, Gateway

TICKET: Final = "1726820807T55AZxCjC3wAPkKrym0NB8yfd9UvoF"
REQUEST: Final = "POST /chktv2/request/request.php"
SECRETS: Final = {"api_token": "hurgle-of-the-tests"}


def settings_of(url: str) -> dict[str, str]:
    """What is not secret."""
    return {"api_url": url, "store_id": "monca10001", "checkout_id": "chkt5FU7F10001"}


def gateway(house: Desk, *, mode: str = "test") -> Gateway:
    """A store whose Moneris is the stand-in."""
    return open_gateway(Config(provider="moneris", mode=mode, settings=settings_of(house.url), secrets=SECRETS))


def preloaded(ticket: str = TICKET) -> tuple[int, dict[str, Any]]:
    """The answer to a preload."""
    return 200, {"response": {"success": "true", "ticket": ticket}}


def refused(**error: Any) -> tuple[int, dict[str, Any]]:
    """An answer that is a no."""
    return 200, {"response": {"success": "false", "error": error}}


def unpaid() -> tuple[int, dict[str, Any]]:
    """The answer for a ticket that nobody has paid by, or not yet."""
    return refused(field="ticket", message="invalid ticket or transaction is not complete")


def receipt(
    reference: str, amount: str, *, ticket: str = TICKET, result: str = "a", **card: Any
) -> tuple[int, dict[str, Any]]:
    """The receipt of a card's transaction."""
    request = {
        "txn_total": amount, "cc_total": amount, "pay_by_token": "0", "billing": None, "ticket": ticket,
        "cust_info": {"first_name": None, "last_name": None, "phone": None, "email": "carla@acme.example"},
        "cc": {"first6last4": "4242424242", "expiry": "0126", "cardholder": "Carla"}, "cust_id": None,
        "dynamic_descriptor": None, "order_no": reference, "eci": "7",
    }  # fmt: skip
    paid = {
        "result": result, "order_no": reference, "cust_id": None, "transaction_no": "193-0_920",
        "reference_no": "660188950010011800", "transaction_code": "00", "transaction_type": "200",
        "transaction_date_time": "2026-11-02 08:44:06", "corporate_card": None, "amount": amount,
        "response_code": "025" if result == "a" else "055", "iso_response_code": "00", "approval_code": "755387",
        "card_type": "V", "invoice_number": None, "customer_code": None, "eci": "7", "cvd_result_code": "null",
        "first6last4": "4242424242", "expiry_date": "0126", "recur_success": None, "issuer_id": "null",
        "is_debit": "false", "ecr_no": "66018895", "batch_no": "001", "sequence_no": "180",
        "fraud": {"cvd": {"decision_origin": "Moneris", "result": "4", "condition": "0", "status": "ineligible"}},
        **card,
    }  # fmt: skip
    return 200, {"response": {"success": "true", "request": request, "receipt": {"result": result, "cc": paid}}}
