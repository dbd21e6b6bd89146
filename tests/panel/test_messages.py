"""Claims about the pages of messages, mailings, templates, the mail server and the SMS provider."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.gateways.sink import PASSWORD, Sink, mail_sink
from tests.panel.cast import Cast
from tests.panel.conftest import logged_in
from tollgate.actions import tasks
from tollgate.actions.acts import Actor, acting
from tollgate.actions.contacts import create_contact
from tollgate.actions.customers import create_customer, delete_customer
from tollgate.actions.messages import queue, unsubscribe_link
from tollgate.core.templates_stock import STOCK
from tollgate.store.models import Audit, Contact, MailSettings, Message, PortalDomain, SmsSettings, Task, Template

pytestmark = pytest.mark.django_db
KEY = "key-of-the-provider"


@pytest.fixture
def sink(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """A real mail server that wants a login; the account has none yet."""
    MailSettings.objects.all().delete()
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.1")
    with mail_sink(with_login=True) as server:
        yield server


def mail_form(sink: Sink, **changes: str) -> dict[str, str]:
    """What Ann types."""
    return {
        "from_address": "hello@demo.example", "from_name": "Demo", "server": f"127.0.0.1:{sink.port}", "mode": "none",
        "username": "ann", "password": PASSWORD, **changes,
    }  # fmt: skip


def pressed(client: Client, what: str, recipient: str) -> str:
    """What the test button shows."""
    address = f"/mail-settings/test-{what}/"
    return client.post(address, {f"{what}-recipient": recipient}, headers={"HX-Request": "true"}).content.decode()


def said(answer: Any) -> str:
    """The flash messages."""
    return " ".join(str(found) for found in answer.context["messages"])


def test_the_log_hides_secret_words_and_shows_the_others(cast: Cast, ann: Client) -> None:
    link = {"link": "https://demo.example/secret-token", "hours": "24"}
    hidden = queue(account_id=cast.account.pk, template="set_password", values=link, contact=cast.contact, secret=True)
    assert hidden is not None
    shown = Message.objects.exclude(pk=hidden.pk).get()
    for message, sees in ((hidden, False), (shown, True)):
        page = ann.get(f"/messages/{message.pk}/").content.decode()
        assert ("your password was changed" in page) is sees
        assert "secret-token" not in page
        assert "not shown" in page or sees
    assert "carla@acme.example" in ann.get("/messages/?f.template=set_password&f.state=queued").content.decode()
    assert ann.get("/messages/?q=carla&f.state=failed").context["grid"].rows == []


def test_a_message_is_canceled_and_sent_again_by_its_buttons(cast: Cast, ann: Client) -> None:
    message = Message.objects.get()
    for button, state in (("cancel", "canceled"), ("retry", "queued")):
        answer = ann.post(f"/messages/{message.pk}/{button}/", follow=True)
        message.refresh_from_db()
        assert message.state == state
        assert "queue again" in said(answer) or state == "canceled"
    assert "only a failed" in said(ann.post(f"/messages/{message.pk}/retry/", follow=True))


def test_a_resellers_user_sees_only_messages_about_its_customers(cast: Cast) -> None:
    theirs = Message.objects.get()
    cast.ann.reseller_id = cast.baltic.pk
    cast.ann.save()
    client = logged_in(cast.ann)
    assert client.get(f"/messages/{theirs.pk}/").status_code in (403, 404)
    assert client.post(f"/messages/{theirs.pk}/cancel/").status_code in (403, 404)
    assert "carla@acme.example" not in client.get("/messages/").content.decode()
    for asked in ({"id": str(cast.acme.pk)}, {"scope": "all", "query": "q=acme"}):
        mail = {**asked, "subject": "S", "text": "T"}
        assert client.post("/mailings/email/", mail).status_code in (403, 422)
    assert Message.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_mail_server_is_entered_tested_and_its_password_never_shown(cast: Cast, ann: Client, sink: Sink) -> None:
    wrong = ann.post("/mail-settings/new/", mail_form(sink, password="wrong"), follow=True)
    assert "does not let us in" in said(wrong)
    assert "Test Email" in wrong.content.decode()
    settings = MailSettings.objects.get()
    edit = f"/mail-settings/{settings.pk}/"
    saved = ann.post(edit, mail_form(sink, version=str(settings.version)), follow=True)
    assert said(saved) == "The mail server is saved."
    for page in ("/mail-settings/", edit, "/audit/"):
        assert PASSWORD not in ann.get(page).content.decode()
    page = pressed(ann, "mail", "ann@demo.example")
    assert "Sent to ann@demo.example" in page
    assert "&lt; 250 taken" in page
    assert PASSWORD not in page
    assert [str(letter["To"]) for letter in sink.letters] == ["ann@demo.example"]
    assert "Give an email address" in pressed(ann, "mail", "nobody")
    without_scripts = ann.post("/mail-settings/test-mail/", {"mail-recipient": "ann@demo.example"})
    assert without_scripts["Location"] == f"/messages/{Message.objects.latest('pk').pk}/"
    SmsSettings.objects.update(sms_from="DEMO")
    assert "status logged" in pressed(ann, "sms", "+37061234567")


def test_a_bad_mail_server_is_named_at_its_field(cast: Cast, ann: Client, sink: Sink) -> None:
    for field, text in (
        ("server", "mail.example.com:99999"),
        ("from_address", "me"),
        ("mode", "magic"),
        ("password", ""),
    ):
        answer = ann.post("/mail-settings/new/", mail_form(sink, **{field: text}))
        assert (answer.status_code, set(answer.context["form"].errors)) == (422, {field})
    assert not MailSettings.objects.exists()


def test_a_portal_domain_has_a_mail_server_of_its_own_and_goes_back(cast: Cast, ann: Client, sink: Sink) -> None:
    domain = PortalDomain.objects.get()
    page = f"/portal-domains/{domain.pk}/mail/"
    new = ann.get(page)["Location"]
    assert "sends by the mail server of the account" in ann.get(new).content.decode()
    assert ann.post(new, mail_form(sink, from_address="hi@portal.example"))["Location"] == page
    settings = MailSettings.objects.get()
    assert (settings.domain, settings.from_address) == (domain, "hi@portal.example")
    assert "Test Email" in ann.get(page, follow=True).content.decode()
    ann.post(f"/mail-settings/{settings.pk}/delete/")
    assert not MailSettings.objects.exists()


def test_an_id_of_thousands_of_digits_is_no_record(ann: Client) -> None:
    digits = "9" * 5000
    assert ann.get("/mail-settings/new/", {"domain": digits}).status_code == 404
    asked = {"mail-recipient": "ann@demo.example", "domain_id": digits}
    assert ann.post("/mail-settings/test-mail/", asked).status_code == 404
    mail = {"id": digits, "subject": "S", "text": "T"}
    assert ann.post("/mailings/email/", mail).status_code == 422
    assert ann.post("/mailings/sms/", mail).status_code == 422


def test_an_sms_provider_is_chosen_and_its_key_never_shown(cast: Cast, ann: Client) -> None:
    SmsSettings.objects.all().delete()
    form = {"provider": "http", "sms_from": "DEMO", "url": "https://sms.example.com/", "key": KEY}
    assert ann.post("/sms-settings/new/", form).status_code == 302
    settings = SmsSettings.objects.get()
    edit, version = f"/sms-settings/{settings.pk}/", str(settings.version)
    for page in (edit, "/mail-settings/", "/audit/"):
        assert KEY not in ann.get(page).content.decode()
    assert ann.post(edit, {**form, "provider": "log", "url": "", "version": version}).status_code == 302
    settings.refresh_from_db()
    assert (settings.provider, settings.url, settings.key_sealed) == ("log", "", "")


def test_a_template_is_previewed_changed_and_reset(cast: Cast, ann: Client) -> None:
    Template.objects.all().delete()
    page = "/templates/verify_email/en/"
    assert "482913" in ann.get(page).content.decode()
    words = {"subject": "Number", "text": "Yours: {{code}}", "html": ""}
    preview = ann.post(f"{page}preview/", {**words, "html": "<b>{{code}}</b>"}).content.decode()
    assert "Yours: 482913" in preview
    assert 'srcdoc="&lt;b&gt;482913&lt;/b&gt;"' in preview
    assert "{{kode}} is not a value" in ann.post(f"{page}preview/", {**words, "text": "{{kode}}"}).content.decode()
    bad = ann.post(page, {**words, "text": "{{kode}} {{code}}"})
    assert (bad.status_code, set(bad.context["form"].errors)) == (422, {"text"})
    assert ann.post(page, words).status_code == 302
    own = Template.objects.get()
    assert (own.subject, own.text, own.html) == ("Number", "Yours: {{code}}", "")
    edit = ann.get(page)["Location"]
    assert ann.post(edit, {**words, "subject": "Code", "version": str(own.version)}).status_code == 302
    assert "Your own" in ann.get("/templates/").content.decode()
    ann.post(f"{edit}reset/")
    assert not Template.objects.exists()
    assert ann.get(page, {"language": "lt"})["Location"] == "/templates/verify_email/lt/"
    assert ann.get("/templates/nothing/en/").status_code == 404
    assert len(ann.get("/templates/").context["grid"].rows) == len(STOCK)


def test_a_mailing_goes_to_the_ticked_customers(cast: Cast, ann: Client, bob: Client) -> None:
    before = Message.objects.count()
    assert "/mailings/email/" in ann.get("/customers/").content.decode()
    assert "/mailings/" not in bob.get("/customers/").content.decode()
    ticked = {"id": [str(cast.acme.pk), str(cast.baltic.pk)]}
    for open_page in (ann.get("/mailings/email/", ticked), ann.post("/mailings/email/", ticked)):
        page = open_page.content.decode()
        assert open_page.status_code == 200
        assert "2 customers" in page
        assert 'data-suggest="/suggestions/sold_card/?currency=EUR"' in page
    offers = ann.get("/suggestions/sold_card/?currency=EUR").json()["offers"]
    assert offers == [{"value": "Retail", "words": "EUR"}], "and no card of a carrier"
    assert ann.get("/suggestions/sold_card/?currency=USD").json()["offers"] == []
    mail = {
        **ticked,
        "subject": "News",
        "text": "Dear {{name}}",
        "card_ids": "Retail",
    }
    assert bob.post("/mailings/email/", mail).status_code == 403
    for cards in ("Cirrus A-Z", "Retail; nothing"):
        assert set(ann.post("/mailings/email/", {**mail, "card_ids": cards}).context["form"].errors) == {"card_ids"}
    wrong = ann.post("/mailings/email/", {**mail, "text": "{{nobody}}"})
    assert (wrong.status_code, set(wrong.context["form"].errors)) == (422, {"text"})
    answer = ann.post("/mailings/email/", mail, follow=True)
    assert said(answer) == "1 mail queued."
    job = Task.objects.get()
    assert answer.redirect_chain[-1][0] == f"/tasks/{job.pk}/"
    assert Message.objects.count() == before, "nothing is made while Ann waits"
    assert "Send" in ann.get("/tasks/?f.kind=send").content.decode()
    tasks.work(lambda: datetime.now(UTC), datetime.now(UTC) + timedelta(minutes=1), task_id=job.pk)
    page = " ".join(ann.get(f"/tasks/{job.pk}/").content.decode().split())
    assert "0 of 1 row done with, 1 being sent." in page
    assert "Carla, carla@acme.example" in page
    message = Message.objects.order_by("pk").last()
    assert message is not None
    assert (message.text, message.attachments[0]["name"]) == ("Dear Carla", "Retail")
    assert f"/messages/{message.pk}/" in page
    assert bob.post(f"/tasks/{job.pk}/cancel/").status_code == 403
    ann.post(f"/tasks/{job.pk}/cancel/")
    message.refresh_from_db()
    assert message.state == "canceled"
    ann.post(f"/tasks/{job.pk}/retry/")
    tasks.work(lambda: datetime.now(UTC), datetime.now(UTC) + timedelta(minutes=1), task_id=job.pk)
    message.refresh_from_db()
    assert message.state == "queued"
    answer = ann.post("/mailings/sms/", {**ticked, "text": "Short", "marketing": "on"}, follow=True)
    assert said(answer).endswith("done. 1 SMS queued.")
    nobody = ann.post("/mailings/sms/", {"id": str(cast.baltic.pk), "text": "Short"}, follow=True)
    assert (said(nobody), nobody.redirect_chain[-1][0]) == ("0 SMS queued.", "/customers/")
    assert (Task.objects.count(), Message.objects.count()) == (2, before + 1)
    assert Audit.objects.filter(verb="SEND", actor="ann@demo.example").count() == 2


def test_a_mailing_goes_to_all_that_the_list_finds(cast: Cast, ann: Client, bob: Client) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        found = [create_customer(account_id=cast.account.pk, name=f"Many {n:03}", currency="EUR") for n in range(24)]
        for customer in found:
            create_contact(
                customer_id=customer.pk, email=f"to{customer.pk}@a.example", first_name="A", mobile="+37061234567"
            )
        delete_customer(customer_id=found.pop().pk)
    page = ann.get("/customers/?q=many").content.decode()
    offered = [len(re.findall(rf'name="scope"\s+value="{scope}"', page)) for scope in ("ticked", "all")]
    assert offered == [4, 4]
    assert 'name="scope"' not in bob.get("/customers/?q=many").content.decode()
    asked = {"scope": "all", "query": "q=many&sort=-name"}
    for kind, more in (("email", {"subject": "News"}), ("sms", {})):
        page = " ".join(ann.get(f"/mailings/{kind}/", asked).content.decode().split())
        assert "To every contact of all 23 customers" in page
        assert "and 3 more" in page
        assert '<input type="hidden" name="query" value="q=many&amp;sort=-name" form="record">' in page
        ann.post(f"/mailings/{kind}/", {**asked, **more, "text": "Dear {{name}}"})
        assert set(Task.objects.latest("pk").rows.values_list("record_id", flat=True)) == set(
            Contact.objects.filter(customer__in=found).values_list("pk", flat=True)
        )
    deleted = {"scope": "all", "query": "q=many&f.shown=deleted"}
    assert "Nobody is chosen" in ann.get("/mailings/email/", deleted).content.decode()


def test_a_reader_of_marketing_ends_it_by_the_link_alone(cast: Cast) -> None:
    address = unsubscribe_link(cast.contact, None).partition("://")[2].partition("/")[2]
    nobody = Client(enforce_csrf_checks=True)
    assert "gets news and offers" in nobody.get(f"/{address}").content.decode()
    assert Contact.objects.get(pk=cast.contact.pk).marketing
    one_click = nobody.post(f"/{address}", {"List-Unsubscribe": "One-Click"})
    assert one_click.status_code == 200
    assert not Contact.objects.get(pk=cast.contact.pk).marketing
    entry = Audit.objects.filter(table_name="contact", row_id=cast.contact.pk, verb="UPDATE").latest("pk")
    assert (entry.actor, entry.actor_kind, entry.actor_id) == ("carla@acme.example", "contact", cast.contact.pk)
    nobody.post(f"/{address}", {"marketing": "yes"})
    assert Contact.objects.get(pk=cast.contact.pk).marketing
    assert nobody.get(f"/{address[:-2]}x/").status_code == 404
