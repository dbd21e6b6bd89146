"""How acts find, lock and save rows, so that every act fails in the same words and saves whole or not at all.

The database's own constraints decide what must be unique; `CONSTRAINTS` gives each its field and sentence. To add a
constraint that people can break, add its line there; one that would tell of records out of reach, in `NEUTRAL` too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db import IntegrityError, connection, models, transaction

from tollgate.actions.acts import Invalid, NotFound, OutOfDate, current
from tollgate.core.field_words import COUNTERS
from tollgate.store.models import Account, Card, Code, ContactSession, Customer, Revision

Row = TypeVar("Row", bound=models.Model)
SECRETS = frozenset(
    {
        *("password", "ha1", "password_sealed", "key_sealed", "secret_sealed", "totp_secret", "recovery_hashes"),
        *("secrets_sealed", "codes_sealed", "method_sealed", "token"),  # how we are paid
        *("iban_sealed", "content_sealed"),
        *("code_hash", "code_sealed"),
        "mark",  # of a PIN
    }
)
CONSTRAINTS: Mapping[str, tuple[str, str]] = {
    "payment_external_once": ("external_id", "A payment with this id was entered already."),
    "payment_noticed_once": ("external_id", "A payment with this id was entered already."),
    "payment_gateway_name_once": ("name", "Another gateway has this name: choose another."),
    "mandate_reference_once": ("reference", "Another mandate has this reference: choose another."),
    "mandate_active_once": ("customer_id", "The customer has an active mandate: end that first."),
    "bank_line_invoice_once": ("invoice_ids", "One of them is being collected already."),
    "bank_line_once_in_run": ("invoice_ids", "Two of them would have one end-to-end id: collect one by another file."),
    "voucher_batch_name_once": ("name", "Another batch has this name: choose another."),
    "customer_name_once": ("name", "Another customer has this name (perhaps a deleted one): choose another."),
    "customer_number_once": ("number", "Another customer has this number: choose another."),
    "customer_accounting_id_once": ("accounting_id", "Another customer has this accounting id."),
    "customer_paypal_email_once": ("paypal_email", "Another customer pays from this address."),
    "invoice_template_name_once": ("name", "Another invoice template has this name: choose another."),
    "tax_name_once": ("name", "Another tax has this name: choose another."),
    "package_name_once": ("name", "Another package has this name: choose another."),
    "saved_report_name_once": ("name", "Another report has this name: choose another."),
    "tag_name_once": ("name", "Another tag has this name: choose another."),
    "department_name_once": ("name", "Another department has this name: choose another."),
    "department_key_once": ("key", "Another department has this key: choose another."),
    "access_number_once": ("number", "This access number exists already."),
    "pin_once": ("pin", "Another customer has this PIN at that access number: choose another."),
    "localization_name_once": ("name", "Another localization has this name: choose another."),
    "portal_domain_host_key": ("host", "This portal domain exists already."),
    "verified_cli_once": ("number", "The customer may show this number already."),
    "contact_email_once": ("email", "Another contact logs in with this email at the same portal."),
    "carrier_statement_once": ("number", "The carrier has a statement of this number already."),
    "carrier_payment_external_once": ("external_id", "Another payment was entered by this id."),
    "carrier_file_once": ("content", "This file was added already."),
    "circuit_test_one_at_a_time": ("number", "Your last test is still going on: wait for its end."),
    "custom_page_name_once": ("name", "Another page has this name: choose another."),
    "carrier_name_once": ("name", "Another carrier has this name: choose another."),
    "gateway_name_once": ("name", "This carrier has a gateway of that name: choose another."),
    "did_number_once": ("number", "This number is a DID already."),
    "card_name_once": ("name", "Another card has this name: choose another."),
    "card_of_reseller_once": ("name", "Another card of this reseller has this name: choose another."),
    "endpoint_username_once": ("username", "Duplicate User Detected"),
    "extension_apart": ("extension", "Duplicate User Detected"),
    "endpoint_reachable": (
        "delivery_host",
        "Calls to its extensions need one address: say where they go, or give no network.",
    ),
    "conference_room_name_once": ("name", "The customer has a room of this name already: choose another."),
    "edge_rpc_url_once": ("rpc_url", "Another edge has this control address: each ends only its own calls."),
    "edge_name_key": ("name", "Another edge has this name: choose another."),
    "app_user_email_key": ("email", "Another user logs in with this email."),
    "sign_in_provider_title_once": ("title", "Another login has this title: choose another."),
    "sign_in_link_once": ("subject", "This login belongs to somebody already."),
    "user_group_name_key": ("name", "Another group has this name: choose another."),
    "entry_key": ("key", "This key has posted something else: use a new one for a new posting."),
    "webhook_title_once": ("title", "Another webhook has this title: choose another."),
    "alert_title_once": ("title", "Another alert has this title: choose another."),
    "dunning_step_title_once": ("title", "Another step has this title: choose another."),
    "mail_settings_once": ("domain_id", "This already has a mail server: change that one."),
    "sms_settings_account_id_key": ("provider", "The account already has an SMS provider: change that one."),
    "template_once": ("language", "This message already has words of your own in this language: change those."),
    "stir_certificate_name_once": ("name", "Another certificate has this name: choose another."),
    "stir_certificate_default_once": ("is_default", "Another certificate has just become the default: look again."),
    "route_option_once": ("options", "A carrier card is listed twice: list each once."),
}
ELSEWHERE: Mapping[tuple[str, str], tuple[str, str]] = {
    ("customer", "contact_email_once"): (
        "domain_id",
        "An email of its contacts cannot be used at this portal domain: choose another.",
    ),
}
"""By table and constraint the same, where the save of one record breaks the constraint of another's."""
NEUTRAL: Mapping[str, str] = {
    "contact_email_once": "This email cannot be used here: choose another.",
    "customer_name_once": "This name cannot be used here: choose another.",
    "customer_number_once": "This number cannot be used here: choose another.",
    "customer_accounting_id_once": "This accounting id cannot be used here: choose another.",
    "customer_paypal_email_once": "This PayPal address cannot be used here: choose another.",
}
"""What those hear who are held to some customers: not that somebody they may not see has the same."""
LISTS: Final = ("tag_ids", "tax_ids", "card_ids")
"""What models give of records in other tables, as acts and forms carry them."""
TRIGGER_FIELDS: Mapping[str, str] = {"parent": "parent_id"}  # as triggers call them -> as acts do


def find(model: type[Row], row_id: object) -> Row:
    """The row of an id. Raises NotFound."""
    found: Row | None = _all(model).filter(pk=row_id).first()
    if found is None or not _in_reach(found, changing=False):
        raise NotFound(f"There is no {_word(model)} {row_id}.")
    return found


def locked(model: type[Row], row_id: object, version: int | None = None) -> Row:
    """The row of an id, locked until the act ends. Raises NotFound, and OutOfDate when another version was seen."""
    found: Row | None = _all(model).select_for_update(no_key=True).filter(pk=row_id).first()
    if found is None or not _in_reach(found, changing=True):
        raise NotFound(f"There is no {_word(model)} {row_id}.")
    if version is not None and getattr(found, "version", version) != version:
        raise OutOfDate({**values_of(found), **{name: getattr(found, name) for name in LISTS if hasattr(found, name)}})
    return found


def _in_reach(row: models.Model, *, changing: bool) -> bool:
    """Whether the actor may touch the row: one held to some customers, only what belongs to one of those.

    The account itself may be read by such an actor, because new records name it. Cards are the reseller's own, or those
    of resellers below it; what they are given to buy by is nothing of theirs.
    """
    actor = current.get(None)
    if actor is None or actor.reach is None:
        return True
    if isinstance(row, Account):
        return not changing
    if isinstance(row, (Card, Revision)):
        card = row.card if isinstance(row, Revision) else row
        return card.reseller_id is not None and card.reseller_id in (actor.reseller_id, *actor.reach)
    customer_id = row.pk if isinstance(row, Customer) else getattr(row, "customer_id", None)
    if customer_id is None and isinstance(row, (ContactSession, Code)):
        customer_id = row.contact.customer_id if row.contact is not None else None
    return customer_id in actor.reach


def create(model: type[Row], values: Mapping[str, Any]) -> Row:
    """A new row, read back as the database keeps it. Raises Invalid for what the database refuses."""
    with refusals_named():
        row = _all(model).create(**values)
    row.refresh_from_db()
    return row


def change(row: Row, values: Mapping[str, Any]) -> Row:
    """Saves these values into a locked row and reads it back. Raises Invalid for what the database refuses."""
    for name, value in values.items():
        setattr(row, name, value)
    if values:
        with refusals_named(row._meta.db_table):  # noqa: SLF001 - Django's public name
            row.save(update_fields=list(values))
        row.refresh_from_db()
    return row


def now() -> datetime:
    """The moment of this transaction by the clock of the database, which also stamps what acts do."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        moment = cursor.fetchone()[0]
    assert isinstance(moment, datetime)
    return moment


@contextlib.contextmanager
def refusals_named(table: str = "") -> Iterator[None]:
    """Turns a broken constraint into Invalid with its field; the act's transaction stays usable. `table` is that of the
    record saved: what follows from its save may break a constraint of others."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as problem:
        diagnosis = getattr(problem.__cause__, "diag", None)
        constraint = getattr(diagnosis, "constraint_name", None) or ""
        if (table, constraint) in ELSEWHERE:
            name, sentence = ELSEWHERE[table, constraint]
            raise Invalid({name: [sentence]}) from None
        if constraint in CONSTRAINTS:
            name, sentence = CONSTRAINTS[constraint]
            actor = current.get(None)
            if actor is not None and actor.reach is not None:
                sentence = NEUTRAL.get(constraint, sentence)
            raise Invalid({name: [sentence]}) from None
        message = getattr(diagnosis, "message_primary", None) or ""
        name, colon, sentence = message.partition(": ")
        if colon and name.isidentifier():  # our own triggers say "field: sentence"
            raise Invalid({TRIGGER_FIELDS.get(name, name): [sentence[:1].upper() + sentence[1:] + "."]}) from None
        raise


def values_of(row: models.Model) -> dict[str, object]:
    """The values of a row by column, without its secrets and counters."""
    untold = SECRETS | COUNTERS.keys()
    return {name: value for name, value in vars(row).items() if not name.startswith("_") and name not in untold}


def _all(model: type[Row]) -> models.QuerySet[Row]:
    return models.QuerySet(model)


def _word(model: type[models.Model]) -> str:
    return model.__name__.lower()
