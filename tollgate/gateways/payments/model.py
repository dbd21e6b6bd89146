"""What gateways and we say to each other, whoever the gateway is. To add a kind of event, add it to `KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from tollgate.core.payments import step_micros

KINDS: Final = ("paid", "refunded", "reversed", "restored", "gone", "ask", "ignored", "trouble")
"""`paid` money came; `refunded` we gave back; `reversed` it was taken from us (`restored`: and given back to us);
`gone` a checkout that nobody will pay; `ask` there is news, to be asked for; `trouble` a person should look."""


class Unverified(Exception):
    """The notice is not proved to be the gateway's, or not meant for us: it moves nothing."""


class NotReached(Exception):
    """The gateway did not answer, or answered with an error of its own: what became of it is unknown, ask again."""


class Declined(Exception):
    """The gateway said no, for good; the sentence says why."""


class NotOffered(Exception):
    """The gateway has no such thing."""


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a gateway; a secret is never shown again. `test` is the default in test mode."""

    name: str
    title: str
    secret: bool = False
    help: str = ""
    default: str = ""
    test: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A gateway's settings and keys."""

    provider: str
    mode: str
    settings: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def live(self) -> bool:
        """Whether real money moves."""
        return self.mode == "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be paid. `reference` is ours, new for each order, and makes a repeat harmless. `page_url` is the page
    of ours for a gateway's form that is paid within it."""

    reference: str
    amount_micros: int
    currency: str
    description: str
    email: str = ""
    return_url: str = ""
    cancel_url: str = ""
    page_url: str = ""
    keep_method: bool = False


@dataclass(frozen=True, slots=True)
class Widget:
    """A gateway's form within a page of ours: its script, where that and its style come from, and how it is set."""

    script: str
    origin: str
    mode: str


@dataclass(frozen=True, slots=True)
class Started:
    """The gateway's own id of a checkout, and where the payer pays."""

    session: str
    url: str


@dataclass(frozen=True, slots=True)
class Method:
    """A stored way to pay: the gateway's ids, and words such as "Visa 4242"."""

    customer: str
    method: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What came to our address, word for word; header names are in small letters."""

    body: bytes
    headers: Mapping[str, str]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """What is to be given back of a payment. `reference` is ours and makes a repeat harmless."""

    reference: str
    payment_id: str
    amount_micros: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. Amounts are above zero, whatever the kind, but for `trouble` that took money from us;
    `external_id` is the gateway's own id of it, `parent_id` that of the payment it takes back, `reference` and
    `session` those of our checkout. `fee_later`: the gateway says what it keeps when it is asked about it. `item`: one
    of many paid at once, which may go back to its payer without ever having come to us. `if_taken`: what is restored is
    what was taken before, if anything was; `doubt` is why a person should look before that is booked."""

    kind: str
    external_id: str = ""
    parent_id: str = ""
    reference: str = ""
    session: str = ""
    amount_micros: int = 0
    fee_micros: int = 0
    fee_later: bool = False
    currency: str = ""
    payer: str = ""
    note: str = ""
    method: Method | None = None
    item: bool = False
    if_taken: bool = False
    doubt: str = ""


class Gateway(Protocol):
    """Whoever can be paid through."""

    offline: bool
    """Whether `read_event` proves a notice without asking anybody."""

    def start(self, order: Order) -> Started:
        """Opens a checkout. Raises NotReached, Declined."""

    def read_event(self, notice: Notice) -> Sequence[Event]:
        """What a notice says. Raises Unverified, NotReached."""

    def ask(self, session: str) -> Sequence[Event]:
        """What became of a checkout: nothing yet is an empty answer. Raises NotReached."""

    def refund(self, refund: Refund) -> Event:
        """Gives money back. Raises NotReached, Declined."""

    def charge(self, order: Order, method: Method) -> Sequence[Event]:
        """Charges a stored method without the payer. Raises NotReached, Declined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A kind of gateway. `currencies` are those it takes, none named is all; what it `starts`, `refunds`, `charges`.
    One that `notifies` sends notices; one with a `widget` is paid within a page of ours.

    One that `tells_fees` says with each payment what it keeps, so that this can be taken off what a customer gains; one
    that `asks_fees` says it when it is asked about the payment. `step` is the least amount of a currency, in micros,
    that it counts in, where that is more than the currency's own smallest unit.
    """

    title: str
    make: Callable[[Config], Gateway]
    currencies: Sequence[str]
    fields: Sequence[Field]
    starts: bool = True
    refunds: bool = True
    charges: bool = False
    notifies: bool = True
    widget: Callable[[Config], Widget] | None = None
    tells_fees: bool = True
    asks_fees: bool = False
    step: Callable[[str], int] = step_micros
