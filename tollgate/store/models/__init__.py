"""One file per noun. To add one, write its file, import it here, and name its migration for the change."""

from tollgate.store.models.access_numbers import AccessNumber, Pin, PinTry
from tollgate.store.models.accounts import (
    Account,
    AccountCharge,
    AccountPackage,
    AccountPackageTerms,
    AccountTerms,
    Agreement,
    AgreementAcceptance,
    ChangeRequest,
)
from tollgate.store.models.aliases import Alias
from tollgate.store.models.audit import Audit, AuditSeal
from tollgate.store.models.books import JournalCode, Recalculation
from tollgate.store.models.calls import CDR, Call
from tollgate.store.models.cards import Card, Rate, ResaleLook, Revision
from tollgate.store.models.carrier_payments import CarrierPayment
from tollgate.store.models.carriers import Carrier, Gateway
from tollgate.store.models.charges import Charge
from tollgate.store.models.circuits import CircuitTest
from tollgate.store.models.clis import CliProof, CliRule
from tollgate.store.models.conferences import ConferenceRoom
from tollgate.store.models.contacts import Code, Contact, ContactSession, LoginDelay
from tollgate.store.models.custom_pages import CustomPage
from tollgate.store.models.customers import Customer, CustomerNote, VerifiedCli
from tollgate.store.models.deleted_records import DeletedRecord
from tollgate.store.models.departments import Department
from tollgate.store.models.dids import Did, DidPrice
from tollgate.store.models.edges import ChargingProcess, Edge
from tollgate.store.models.endpoints import Endpoint, Extension, NumberBlock
from tollgate.store.models.invoices import (
    Allocation,
    BillingProgress,
    ExchangeRate,
    Invoice,
    InvoiceFile,
    InvoiceLine,
    InvoiceLogo,
    InvoiceSeries,
    InvoiceTax,
    InvoiceTemplate,
    SeriesCounter,
)
from tollgate.store.models.lake import ArchivedCall, LakeFile, LegalHold
from tollgate.store.models.ledger import Entry, Wallet
from tollgate.store.models.localizations import Localization
from tollgate.store.models.messages import MailSettings, Message, SmsSettings, Template
from tollgate.store.models.notices import (
    Alert,
    AlertEvent,
    AlertState,
    CustomerHold,
    DunningEvent,
    DunningStep,
    Webhook,
    WebhookDelivery,
    WebhookEvent,
)
from tollgate.store.models.packages import Bundle, CustomerPackage, Package, SpendPeriod
from tollgate.store.models.payment_gateways import AutoTopUp, Checkout, PaymentEvent, PaymentGateway
from tollgate.store.models.payment_rows import PaymentRow
from tollgate.store.models.payments import Payment
from tollgate.store.models.portal_domains import PortalDomain
from tollgate.store.models.reconciliation import (
    CarrierDispute,
    CarrierDisputeNote,
    CarrierFile,
    CarrierFileContent,
    CarrierFormat,
    CarrierLine,
    CarrierStatement,
    CarrierSum,
)
from tollgate.store.models.recordings import Recording, RecordingSpace
from tollgate.store.models.routes import IngressRoute, RouteOption
from tollgate.store.models.sepa import BankLine, BankRun, BankTelling, Mandate
from tollgate.store.models.sign_in import SignInGroup, SignInLink, SignInProvider
from tollgate.store.models.stir_certificates import StirCertificate
from tollgate.store.models.summaries import SavedReport, SummaryProgress
from tollgate.store.models.tags import Tag
from tollgate.store.models.tasks import DelayedSave, Task, TaskRow
from tollgate.store.models.taxes import CustomerTax, Tax, VatCheck
from tollgate.store.models.texts import OwnText, TextChanges
from tollgate.store.models.users import ApiAnswer, ApiToken, SavedView, User, UserGroup
from tollgate.store.models.vouchers import Voucher, VoucherAttempt, VoucherBatch

__all__ = [
    "CDR",
    "AccessNumber",
    "Account",
    "AccountCharge",
    "AccountPackage",
    "AccountPackageTerms",
    "AccountTerms",
    "Agreement",
    "AgreementAcceptance",
    "Alert",
    "AlertEvent",
    "AlertState",
    "Alias",
    "Allocation",
    "ApiAnswer",
    "ApiToken",
    "ArchivedCall",
    "Audit",
    "AuditSeal",
    "AutoTopUp",
    "BankLine",
    "BankRun",
    "BankTelling",
    "BillingProgress",
    "Bundle",
    "Call",
    "Card",
    "Carrier",
    "CarrierDispute",
    "CarrierDisputeNote",
    "CarrierFile",
    "CarrierFileContent",
    "CarrierFormat",
    "CarrierLine",
    "CarrierPayment",
    "CarrierStatement",
    "CarrierSum",
    "ChangeRequest",
    "Charge",
    "ChargingProcess",
    "Checkout",
    "CircuitTest",
    "CliProof",
    "CliRule",
    "Code",
    "ConferenceRoom",
    "Contact",
    "ContactSession",
    "CustomPage",
    "Customer",
    "CustomerHold",
    "CustomerNote",
    "CustomerPackage",
    "CustomerTax",
    "DelayedSave",
    "DeletedRecord",
    "Department",
    "Did",
    "DidPrice",
    "DunningEvent",
    "DunningStep",
    "Edge",
    "Endpoint",
    "Entry",
    "ExchangeRate",
    "Extension",
    "Gateway",
    "IngressRoute",
    "Invoice",
    "InvoiceFile",
    "InvoiceLine",
    "InvoiceLogo",
    "InvoiceSeries",
    "InvoiceTax",
    "InvoiceTemplate",
    "JournalCode",
    "LakeFile",
    "LegalHold",
    "Localization",
    "LoginDelay",
    "MailSettings",
    "Mandate",
    "Message",
    "NumberBlock",
    "OwnText",
    "Package",
    "Payment",
    "PaymentEvent",
    "PaymentGateway",
    "PaymentRow",
    "Pin",
    "PinTry",
    "PortalDomain",
    "Rate",
    "Recalculation",
    "Recording",
    "RecordingSpace",
    "ResaleLook",
    "Revision",
    "RouteOption",
    "SavedReport",
    "SavedView",
    "SeriesCounter",
    "SignInGroup",
    "SignInLink",
    "SignInProvider",
    "SmsSettings",
    "SpendPeriod",
    "StirCertificate",
    "SummaryProgress",
    "Tag",
    "Task",
    "TaskRow",
    "Tax",
    "Template",
    "TextChanges",
    "User",
    "UserGroup",
    "VatCheck",
    "VerifiedCli",
    "Voucher",
    "VoucherAttempt",
    "VoucherBatch",
    "Wallet",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
]
