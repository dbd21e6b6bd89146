"""One file per noun. To add one, write its file, import it here, and name its migration for the change."""

from tollgate.store.models.accounts import (
    Account,
    AccountCharge,
    AccountPackage,
    AccountTerms,
    Agreement,
    AgreementAcceptance,
    ChangeRequest,
)
from tollgate.store.models.audit import Audit, AuditSeal
from tollgate.store.models.calls import CDR, Call
from tollgate.store.models.cards import Card, Rate, Revision
from tollgate.store.models.carriers import Carrier, Gateway
from tollgate.store.models.contacts import Code, Contact, ContactSession, LoginDelay
from tollgate.store.models.customers import Customer, CustomerNote, VerifiedCli
from tollgate.store.models.edges import Edge
from tollgate.store.models.endpoints import Endpoint, NumberBlock
from tollgate.store.models.ledger import Entry, Wallet
from tollgate.store.models.localizations import Localization
from tollgate.store.models.messages import MailSettings, Message, SmsSettings, Template
from tollgate.store.models.portal_domains import PortalDomain
from tollgate.store.models.routes import IngressRoute, RouteOption
from tollgate.store.models.tags import Tag
from tollgate.store.models.tasks import DelayedSave
from tollgate.store.models.users import ApiAnswer, ApiToken, SavedView, User, UserGroup

__all__ = [
    "CDR",
    "Account",
    "AccountCharge",
    "AccountPackage",
    "AccountTerms",
    "Agreement",
    "AgreementAcceptance",
    "ApiAnswer",
    "ApiToken",
    "Audit",
    "AuditSeal",
    "Call",
    "Card",
    "Carrier",
    "ChangeRequest",
    "Code",
    "Contact",
    "ContactSession",
    "Customer",
    "CustomerNote",
    "DelayedSave",
    "Edge",
    "Endpoint",
    "Entry",
    "Gateway",
    "IngressRoute",
    "Localization",
    "LoginDelay",
    "MailSettings",
    "Message",
    "NumberBlock",
    "PortalDomain",
    "Rate",
    "Revision",
    "RouteOption",
    "SavedView",
    "SmsSettings",
    "Tag",
    "Template",
    "User",
    "UserGroup",
    "VerifiedCli",
    "Wallet",
]
