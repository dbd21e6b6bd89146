"""What people and jobs may do: one function per act, one transaction each. Reading needs no act.

One file per noun; `acts` says what an act is, `checks` how a field is checked, `records` how a row is found, locked
and saved. To add an act, write a function with keyword-only arguments that JSON can carry under `@act` in the file of
its noun; a new file is imported here, so that `acts.ACTS` knows them all.
"""

from tollgate.actions import (
    accounts,
    calls,
    cards,
    carriers,
    contacts,
    customers,
    edges,
    endpoints,
    revisions,
    routes,
    users,
    wallets,
)

__all__ = [
    "accounts",
    "calls",
    "cards",
    "carriers",
    "contacts",
    "customers",
    "edges",
    "endpoints",
    "revisions",
    "routes",
    "users",
    "wallets",
]
