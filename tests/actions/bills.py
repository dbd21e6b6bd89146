"""Calls as the ledger has charged them, for tests of bills: a record, an entry, and the wallet, without a switch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

from django.db import connection

from tollgate.actions.postings import wallet_of
from tollgate.store.models import Customer, Entry, Wallet
from tollgate.store.sql import load

_ids = count(1)


class Talk(NamedTuple):
    """One charged call."""

    started_at: datetime
    micros: int
    billed_s: int = 60
    destination: str = "Lithuania"


def charged(
    customer: Customer,
    talks: Iterable[Talk],
    *,
    payer: Customer | None = None,
    reseller: Customer | None = None,
    records: bool = True,
) -> None:
    """Calls of a customer, charged to its wallet (or to that of `payer`, whose customer it is).

    Its `reseller`, if any, is charged for them too, by its own price: see `bought`.
    """
    wallet = wallet_of(payer or customer)
    rows = [(next(_ids) + 10**15, *talk) for talk in talks]
    with connection.cursor() as cursor:
        if records:
            cursor.executemany(
                "INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, state, started_at, answered_at,"
                " ended_at, billed_s, destination, currency, cost_micros)"
                " VALUES (%s, %s, 'kam1', %s, %s, 'charged', %s, %s, %s, %s, %s, %s, %s)",
                [
                    (row, customer.account_id, str(row), customer.pk, begun, begun, begun + timedelta(seconds=billed),
                     billed, place, customer.currency, 0 if payer else micros)
                    for row, begun, micros, billed, place in rows
                ],
            )  # fmt: skip
        sides = [(wallet, "resale" if reseller else "revenue", [row[2] for row in rows])]
        if reseller is not None:
            sides.append((wallet_of(reseller), "revenue", [bought(row[2]) for row in rows]))
        for paying, book, amounts in sides:
            cursor.executemany(
                "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)"
                " VALUES (%s, %s, %s, %s, 'call', %s, %s, %s)",
                [
                    (
                        customer.account_id,
                        begun + timedelta(seconds=billed),
                        paying.pk,
                        book,
                        -micros,
                        paying.currency,
                        row,
                    )
                    for (row, begun, _, billed, _), micros in zip(rows, amounts, strict=True)
                ],
            )
            cursor.execute(
                "UPDATE wallet SET balance_micros = balance_micros - %s WHERE id = %s", [sum(amounts), paying.pk]
            )


def bought(micros: int) -> int:
    """What a reseller pays for what it sells at a price."""
    return micros * 2 // 3


def correct(customer: Customer, micros: int) -> None:
    """Gives so much of the customer's first call back, as a recalculation does."""
    wallet = wallet_of(customer)
    first = Entry.objects.filter(wallet=wallet, kind="call").order_by("at").first()
    assert first is not None
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)"
            " VALUES (%s, now(), %s, 'revenue', 'correction', %s, %s, %s)",
            [customer.account_id, wallet.pk, micros, wallet.currency, first.call_id],
        )
        cursor.execute("UPDATE wallet SET balance_micros = balance_micros + %s WHERE id = %s", [micros, wallet.pk])


def balance(customer: Customer) -> int:
    """What the wallet holds, which is the sum of its entries."""
    wallet = Wallet.objects.get(pk=wallet_of(customer).pk)
    entries = sum(Entry.objects.filter(wallet=wallet).values_list("amount_micros", flat=True))
    assert wallet.balance_micros == entries
    return wallet.balance_micros


def unexplained() -> list[int]:
    """The documents whose entries are not what they should have moved, by the law of the books."""
    with connection.cursor() as cursor:
        cursor.execute(load("ledger_laws")["documents_have_their_entries"])
        return [row[0] for row in cursor.fetchall()]
