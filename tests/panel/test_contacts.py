"""Claims about contacts in the panel: the same records per customer and for all, invitations, logins, and looks in."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.panel.cast import PASSWORD, Cast
from tests.panel.test_forms import errors_of
from tests.portal.cast import knock, link_in, newest_mail
from tollgate.actions.portal_access import Opened, Place, Refused
from tollgate.actions.portal_passwords import forgotten
from tollgate.store.models import ApiToken, Audit, Contact, ContactSession, Customer, LegalHold, LoginDelay, Message

pytestmark = pytest.mark.django_db
EMIL = {
    "first_name": "Emil", "last_name": "Berg", "email": "emil@baltic.example", "kind": "billing", "invite": "on",
    "login_enabled": "on", "marketing": "on", "allowed_networks": "192.0.2.1\n2001:db8::/48", "zone": "Europe/Riga",
    "mobile": "612 34567", "mobile_country": "LT", "private_notes": "pays late",
}  # fmt: skip


def test_a_contact_is_added_to_the_company_that_is_named_and_gets_a_link(cast: Cast, ann: Client) -> None:
    assert set(errors_of(ann.post("/contacts/new/", EMIL | {"customer_id": "Nobody"}))) == {"customer_id"}
    given = EMIL | {"customer_id": "baltic"}
    assert set(errors_of(ann.post("/contacts/new/", given | {"password": "typed as well 1"}))) == {"password"}
    assert set(errors_of(ann.post("/contacts/new/", given | {"invite": ""}))) == {"password"}
    assert not Message.objects.filter(recipient=EMIL["email"]).exists(), "nothing is sent for what is not saved"
    assert ann.post("/contacts/new/", given).status_code == 302
    emil = Contact.objects.get(email="emil@baltic.example")
    assert (emil.customer, emil.kind, emil.mobile, emil.zone) == (cast.baltic, "billing", "+37061234567", "Europe/Riga")
    assert [str(network) for network in emil.allowed_networks] == ["192.0.2.1/32", "2001:db8::/48"]
    assert emil.password == ""
    assert Client(REMOTE_ADDR="192.0.2.1").get(link_in(newest_mail("set_password"))).status_code == 200
    for address in ("/contacts/", f"/customers/{cast.baltic.pk}/contacts/"):
        page = ann.get(address).content.decode()
        assert "Emil Berg" in page, "the same record in both lists"
    names = [row.email for row in ann.get("/contacts/?q=baltic&sort=-email").context["grid"].rows]
    assert names == ["emil@baltic.example"]
    assert [row.email for row in ann.get("/contacts/?sort=-email").context["grid"].rows] == [
        "emil@baltic.example", "carla@acme.example",
    ]  # fmt: skip
    exported = ann.get("/contacts/?export=csv").getvalue().decode()
    assert "Change password" not in exported
    assert "emil@baltic.example" in exported


def test_numbers_are_typed_as_people_write_them_in_the_customers_country(cast: Cast, ann: Client) -> None:
    chosen = '<option value="LV" selected>'
    page = f"/customers/{cast.baltic.pk}/contacts/new/"
    assert chosen not in ann.get(page).content.decode()
    Customer.objects.filter(pk=cast.baltic.pk).update(country="LV", phone="")
    for form in (page, f"/customers/{cast.baltic.pk}/edit/"):
        assert chosen in ann.get(form).content.decode(), form
    typed = {"phone": "", "phone_country": "LV", "mobile": "2123 4567", "mobile_country": "LV"}
    assert ann.post(page, {name: value for name, value in EMIL.items() if name != "mobile"} | typed).status_code == 302
    assert Contact.objects.get(email=EMIL["email"]).mobile == "+37121234567"


def test_ticked_contacts_are_removed_together_once_it_was_confirmed(cast: Cast, ann: Client) -> None:
    ann.post("/contacts/new/", EMIL | {"customer_id": "Baltic"})
    ids = list(Contact.objects.values_list("pk", flat=True))
    assert "/bulk/contact/delete/" in ann.get("/contacts/").content.decode()
    page = " ".join(ann.get("/bulk/contact/delete/", {"id": ids}).content.decode().split())
    assert "2 contacts are removed. The job that does it can be undone for 7 days." in page
    assert Contact.objects.count() == 2
    job = ann.post("/bulk/contact/delete/", {"id": ids, "confirmation": "2"}, follow=True).content.decode()
    assert "Emil Berg" in job
    assert not Contact.objects.exists()
    gone = Audit.objects.filter(table_name="contact", verb="DELETE").first()
    assert gone is not None
    assert gone.act == "delete_contact"


def test_verification_by_hand_has_a_reason_and_ends_with_the_number(cast: Cast, ann: Client) -> None:
    contact = Contact.objects.get(pk=cast.contact.pk)
    for what in ("email", "mobile"):
        page = f"/contacts/{contact.pk}/verify-{what}/"
        ann.post(page, {"verified": "yes"})
        contact.refresh_from_db()
        assert getattr(contact, f"{what}_verified_at") is None, "not without a reason"
        ann.post(page, {"verified": "yes", "reason": "saw the passport"})
        contact.refresh_from_db()
        assert getattr(contact, f"{what}_verified_how") == "ann@demo.example"
        row = Audit.objects.filter(table_name="contact", row_id=contact.pk).latest("id")
        assert (row.reason, row.actor) == ("saw the passport", "ann@demo.example")
    ann.post(f"/contacts/{contact.pk}/verify-email/", {"verified": "no", "reason": "mail comes back"})
    form = ann.get(f"/contacts/{contact.pk}/").context["form"]
    given = {name: form[name].value() or "" for name in form.fields if name != "allowed_networks"}
    ann.post(f"/contacts/{contact.pk}/", given | {"mobile": "+37069999999"})
    contact.refresh_from_db()
    assert (contact.email_verified_at, contact.mobile_verified_at, contact.mobile_verified_how) == (None, None, "")


def test_a_new_password_is_sent_as_a_link_or_typed_and_ends_every_session(cast: Cast, ann: Client) -> None:
    page = f"/contacts/{cast.contact.pk}/password/"
    assert set(errors_of(ann.post(page, {"how": "manual", "password": "short"}))) == {"password"}
    assert set(errors_of(ann.post(page, {"how": "manual", "password": "password123"}))) == {"password"}
    Contact.objects.filter(pk=cast.contact.pk).update(password="")
    Message.objects.filter(template="password_changed").delete()
    assert ann.post(page, {"how": "manual", "password": PASSWORD}).status_code == 302
    told = newest_mail("password_changed")
    assert (told.contact, PASSWORD in told.text) == (cast.contact, False), "who had no password is told as well"
    assert isinstance(knock(cast.contact.email), Opened)
    opened = ContactSession.objects.filter(ended_at=None)
    forgotten(email=cast.contact.email, place=Place(0, "192.0.2.1"))
    assert newest_mail("set_password").contact == cast.contact
    assert opened.count() == 1, "whoever says to have forgotten a password ends nothing"
    token = ApiToken.objects.create(contact_id=cast.contact.pk, name="books", secret_hash="x", scopes=["*"])
    assert ann.post(page, {"how": "link"}).status_code == 302
    token.refresh_from_db()
    assert (opened.count(), token.revoked_at is None) == (0, False)
    assert isinstance(knock(cast.contact.email), Refused), "the old password opens nothing more"
    assert "None yet" in ann.get(f"/contacts/{cast.contact.pk}/").content.decode()
    ann.post(page, {"how": "manual", "password": PASSWORD})
    LoginDelay.objects.all().delete()
    assert isinstance(knock(cast.contact.email), Opened)
    ann.post(page, {"how": "manual", "password": "another good phrase", "must_change": "on"})
    assert not ContactSession.objects.filter(ended_at=None).exists()
    assert newest_mail("password_changed").contact == cast.contact
    texts = [*Message.objects.values_list("text", flat=True), ann.get("/audit/").content.decode()]
    assert not [text for text in texts if PASSWORD in text or "another good phrase" in text]


def test_an_operator_sees_what_holds_a_login_up_and_lifts_it(cast: Cast, ann: Client, bob: Client) -> None:
    at = datetime.now(UTC)
    for _ in range(6):
        knock(cast.contact.email, "wrong", at=at)
        at += timedelta(seconds=60)
    page = f"/contacts/{cast.contact.pk}/sessions/"
    assert "6 failed logins in a row" in ann.get(page).content.decode()
    assert bob.post(f"/contacts/{cast.contact.pk}/delay/lift/").status_code == 403
    ann.post(f"/contacts/{cast.contact.pk}/password/", {"how": "manual", "password": PASSWORD})
    assert isinstance(knock(cast.contact.email, at=at - timedelta(seconds=59)), Refused)
    ann.post(f"/contacts/{cast.contact.pk}/delay/lift/")
    assert isinstance(knock(cast.contact.email, at=at), Opened)
    session = ContactSession.objects.get(ended_at=None)
    ann.post(f"{page}end/", {"session_id": session.pk})
    session.refresh_from_db()
    assert session.ended_at is not None


def test_a_note_that_looks_like_a_password_is_warned_of(cast: Cast, ann: Client) -> None:
    warned = ann.post(
        "/contacts/new/", EMIL | {"customer_id": "Baltic", "public_notes": "Password: hunter22"}, follow=True
    )
    assert "looks as if it held a password" in warned.content.decode()
    fine = ann.post(
        "/contacts/new/", EMIL | {"customer_id": "Acme", "public_notes": "Asks for a new password often"}, follow=True
    )
    assert "looks as if" not in fine.content.decode()


def test_a_person_is_erased_once_the_email_is_typed_unless_a_hold_keeps_it(cast: Cast, ann: Client) -> None:
    page = f"/contacts/{cast.contact.pk}/erase/"
    ann.post("/legal-holds/new/", {"customer_id": "acme", "reason": "case 7"})
    assert "case 7" in ann.get("/legal-holds/").content.decode()
    given = {"confirmation": cast.contact.email, "reason": "asked by mail"}
    held = ann.post(page, given)
    assert (held.status_code, "legal hold" in held.content.decode()) == (422, True)
    release = f"/legal-holds/{LegalHold.objects.get().pk}/release/"
    assert ann.post(release, {"reason": ""}).status_code == 422
    ann.post(release, {"reason": "closed"})
    assert ann.get(release).status_code == 404
    assert ann.post(page, {**given, "confirmation": "somebody"}).status_code == 422
    assert ann.post(page, given).status_code == 302
    assert not Contact.objects.filter(pk=cast.contact.pk).exists()
