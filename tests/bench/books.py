"""What the books of the month must agree in, whatever was called, corrected, billed and paid, of each customer and
carrier to the last unit. To have another account of the same compared, add it to `SAID`, `OWED` or `BOUGHT`.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from django.db import connection

from tollgate.store.models import Customer

OF_WALLETS: Final = (
    "FROM entry JOIN wallet ON wallet.id = wallet_id WHERE entry.account_id = %(account)s AND call_id IS NOT NULL"
)
SAID: Final = {
    "summaries": """
        SELECT owner_id, sum(micros) FROM (
          SELECT customer_id AS owner_id, cost_micros + correction_micros AS micros FROM summary
          WHERE account_id = %(account)s AND customer_id IS NOT NULL
          UNION ALL
          SELECT customer_id, charge_micros + correction_micros FROM resale_summary WHERE account_id = %(account)s
        ) AS line GROUP BY 1""",
    "records": """
        SELECT owner_id, sum(micros) FROM (
          SELECT (leg ->> 'wallet')::bigint AS wallet_id, (leg ->> 'cost')::bigint AS micros
          FROM cdr CROSS JOIN json_array_elements(detail -> 'legs') AS leg WHERE account_id = %(account)s
          UNION ALL
          SELECT wallet_id, -amount_micros FROM entry
          WHERE account_id = %(account)s AND call_id IS NOT NULL AND kind = 'correction'
        ) AS line JOIN wallet ON wallet.id = wallet_id WHERE wallet.kind = 'customer' GROUP BY 1""",
    "entries": f"SELECT owner_id, -sum(amount_micros) {OF_WALLETS} AND wallet.kind = 'customer' GROUP BY 1",
    "documents": """
        SELECT customer_id, sum(CASE invoice.kind WHEN 'credit_note' THEN -1 ELSE 1 END * line.exact_micros)
        FROM invoice_line AS line JOIN invoice ON invoice.id = line.invoice_id
        WHERE account_id = %(account)s AND state = 'issued' AND line.kind IN ('usage', 'correction') GROUP BY 1""",
}
"""What calls have cost each customer, a reseller those of its customers too: a record tells of all who paid for it."""
OWED: Final = {
    "wallets": "SELECT owner_id, -balance_micros FROM wallet WHERE account_id = %(account)s AND kind = 'customer'",
    "documents and payments": """
        SELECT customer_id, sum(micros) FROM (
          SELECT customer_id, CASE kind WHEN 'credit_note' THEN -total_micros WHEN 'receipt' THEN exact_micros
                                        ELSE total_micros END AS micros
          FROM invoice WHERE account_id = %(account)s AND state = 'issued' AND payment_id IS NULL
          UNION ALL
          SELECT customer_id, sign(amount_micros) * tax_micros - amount_micros FROM payment
          WHERE account_id = %(account)s AND status = 'completed'
        ) AS line GROUP BY 1""",
}
"""What each customer owes: who pays ahead pays the tax with the money; its receipts say what was used of the rest."""
BOUGHT: Final = {
    "summaries": """
        SELECT carrier_id, sum(carrier_cost_micros + carrier_correction_micros) FROM summary
        WHERE account_id = %(account)s AND carrier_id IS NOT NULL GROUP BY 1""",
    "entries": f"SELECT owner_id, sum(amount_micros) {OF_WALLETS} AND wallet.kind = 'carrier' GROUP BY 1",
    "wallets": "SELECT owner_id, balance_micros FROM wallet WHERE account_id = %(account)s AND kind = 'carrier'",
}


def agreed(account_id: int) -> dict[str, int]:
    """What all calls cost in each currency, once all accounts of it say the same of each; AssertionError otherwise."""
    for laws in (SAID, OWED, BOUGHT):
        (first, truth), *others = [(name, _told(statement, account_id)) for name, statement in laws.items()]
        for name, also in others:
            different = {owner for owner in truth.keys() | also.keys() if truth.get(owner) != also.get(owner)}
            assert not different, f"{first} and {name} differ of {len(different)}: {sorted(different)[:10]}"
    currencies = dict(Customer.objects.filter(account_id=account_id).values_list("pk", "currency"))
    sums: Counter[str] = Counter()
    for owner, micros in _told(SAID["records"], account_id).items():
        sums[currencies[owner]] += micros
    return dict(sums)


def _told(statement: str, account_id: int) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"account": account_id})
        return {owner: int(micros) for owner, micros in cursor.fetchall() if micros}
