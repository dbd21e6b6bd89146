"""One file per noun. To add one, write its file, import it here, and name its migration for the change."""

from tollgate.store.models.accounts import Account
from tollgate.store.models.audit import Audit
from tollgate.store.models.calls import CDR, Call
from tollgate.store.models.cards import Card, Rate, Revision
from tollgate.store.models.carriers import Carrier, Gateway
from tollgate.store.models.contacts import Contact
from tollgate.store.models.customers import Customer
from tollgate.store.models.edges import Edge
from tollgate.store.models.endpoints import Endpoint
from tollgate.store.models.ledger import Entry, Wallet
from tollgate.store.models.routes import IngressRoute, RouteOption
from tollgate.store.models.users import User, UserGroup

__all__ = [
    "CDR",
    "Account",
    "Audit",
    "Call",
    "Card",
    "Carrier",
    "Contact",
    "Customer",
    "Edge",
    "Endpoint",
    "Entry",
    "Gateway",
    "IngressRoute",
    "Rate",
    "Revision",
    "RouteOption",
    "User",
    "UserGroup",
    "Wallet",
]
