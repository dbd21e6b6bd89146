"""Claims about the pages of webhooks, alerts, dunning and a customer's notices: what is typed is what holds."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.test import Client

from tests.panel.cast import EURO, Cast
from tollgate.store.models import (
    Alert,
    Customer,
    DunningEvent,
    DunningStep,
    Invoice,
    Message,
    Webhook,
    WebhookDelivery,
)
from tollgate.store.secrets import unseal

pytestmark = pytest.mark.django_db


def test_a_webhook_shows_its_secret_to_those_who_may_give_it_another_and_its_deliveries_to_readers(
    cast: Cast, ann: Client, bob: Client
) -> None:
    answer = ann.post(
        "/webhooks/new/", {"title": "CRM", "url": "https://crm.example/x", "events": ["invoice.paid"], "enabled": "on"}
    )
    hook = Webhook.objects.get(title="CRM")
    assert (answer.status_code, hook.events, hook.account) == (302, ["invoice.paid"], cast.account)
    secret = unseal(hook.secret_sealed)
    page = f"/webhooks/{hook.pk}/"
    assert secret in ann.get(page).content.decode()
    assert secret not in bob.get(page).content.decode()
    ann.post(f"{page}secret/", {"confirmation": "CRM"})
    hook.refresh_from_db()
    assert unseal(hook.secret_sealed) != secret
    ann.post(f"{page}test/")
    delivery = WebhookDelivery.objects.get(webhook=hook)
    assert "webhook.test" in bob.get("/webhooks/deliveries/").content.decode()
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state="failed",
        request="POST https://crm.example/x",
        answer="<b>no</b>",
        status_code=500,
        error="It answers 500.",
    )
    shown = bob.get(f"/webhooks/deliveries/{delivery.pk}/").content.decode()
    assert "POST https://crm.example/x" in shown
    assert "&lt;b&gt;no&lt;/b&gt;" in shown
    assert "Replay what failed" in ann.get(page).content.decode()
    ann.post(f"{page}replay/")
    ann.post(f"/webhooks/deliveries/{delivery.pk}/replay/")
    assert (
        list(WebhookDelivery.objects.filter(webhook=hook, state="queued").values_list("replayed_by", flat=True))
        == ["ann@demo.example"] * 2
    )
    Webhook.objects.filter(pk=hook.pk).update(enabled=False)
    WebhookDelivery.objects.filter(webhook=hook).update(state="failed")
    off = ann.get(page).content.decode() + ann.get(f"/webhooks/deliveries/{delivery.pk}/").content.decode()
    assert not any(button in off for button in ("Send a test", "Replay what failed", "Replay it"))
    for button in (f"{page}test/", f"{page}replay/", f"/webhooks/deliveries/{delivery.pk}/replay/"):
        assert "CRM is disabled: enable it first." in ann.post(button, follow=True).content.decode()
    assert not WebhookDelivery.objects.filter(webhook=hook, state="queued").exists()
    ann.post(f"{page}delete/", {"confirmation": "CRM"})
    assert not Webhook.objects.filter(title="CRM").exists()


def test_an_alert_is_kept_as_it_was_typed_and_its_test_is_told(cast: Cast, ann: Client) -> None:
    typed = {
        "title": "Cirrus is bad", "enabled": "on", "customer_id": "", "carrier_id": cast.cirrus.pk, "tag_id": "",
        "area": "asr", "operator": "<", "threshold_micros": "30", "reset_micros": "35.5", "sample_min": "15",
        "penalty_s": "0", "repeat_min": "60", "repeat_hour": "8", "level": "error", "template": "alert",
        "recipients": "noc@demo.example\n+37061234567\n",
    }  # fmt: skip
    refused = ann.post("/alerts/new/", {**typed, "reset_micros": "29"})
    assert refused.status_code == 422
    assert "beyond the threshold" in refused.content.decode()
    assert ann.post("/alerts/new/", typed).status_code == 302
    alert = Alert.objects.get(title="Cirrus is bad")
    assert (alert.threshold_micros, alert.reset_micros) == (30 * EURO, 35_500_000)
    assert alert.recipients == ["noc@demo.example", "+37061234567"]
    ann.post(f"/alerts/{alert.pk}/test/")
    message = Message.objects.filter(kind="email").latest("id")
    assert message.subject == "Error: Cirrus is bad"
    assert "This is a test." in message.text
    assert "Tested" in ann.get(f"/alerts/{alert.pk}/").content.decode()
    assert "Cirrus is bad" in ann.get("/alerts/history/").content.decode()
    ann.post(f"/alerts/{alert.pk}/delete/", {"confirmation": "Cirrus is bad"})
    assert not Alert.objects.filter(title="Cirrus is bad").exists()


def test_a_late_fee_is_typed_in_percent_and_what_was_done_is_listed(cast: Cast, ann: Client) -> None:
    typed = {
        "title": "Fee", "enabled": "on", "days": "8", "action": "late_fee", "fee_ppm": "2.5", "fee_micros": "",
        "currency": "",
    }  # fmt: skip
    assert ann.post("/dunning/new/", typed).status_code == 302
    step = DunningStep.objects.get(title="Fee")
    assert (step.fee_ppm, step.fee_micros) == (25_000, 0)
    assert "2.5 %" in ann.get("/dunning/").content.decode()
    invoice = Invoice.objects.create(
        account=cast.account, customer=cast.acme, state="issued", number="2031-00001", currency="EUR",
        due_on=date(2031, 5, 1), total_micros=EURO, net_micros=EURO,
    )  # fmt: skip
    DunningEvent.objects.create(
        account=cast.account, customer=cast.acme, invoice=invoice, step=step, key="step:1", action="late_fee",
        words="Late fee for invoice 2031-00001", at=datetime(2031, 5, 9, tzinfo=UTC),
    )  # fmt: skip
    assert "Late fee for invoice 2031-00001" in ann.get("/dunning/history/").content.decode()
    assert ann.post(f"/dunning/{step.pk}/", {**typed, "version": step.version, "days": "0"}).status_code == 422
    ann.post(f"/dunning/{step.pk}/delete/", {"confirmation": "Fee"})
    assert "Late fee for invoice 2031-00001" in ann.get("/dunning/history/").content.decode()


def test_a_customers_notices_are_kept_as_they_were_typed(cast: Cast, ann: Client) -> None:
    page = f"/customers/{cast.acme.pk}/edit/"
    form = ann.get(page).context["form"]
    typed = {
        name: value
        for name, value in form.initial.items()
        if value is not None and value is not False and name in form.fields
    }
    typed |= {
        "language": "lt", "low_balance_micros": "5", "notification_emails": "books@acme.example\r\nboss@acme.example",
        "notification_departments": ["billing", "noc"], "notification_opt_outs": ["invoice.due"],
        "debit_limit_micros_0": "none", "hours": "",
    }  # fmt: skip
    answer = ann.post(page, typed)
    assert answer.status_code == 302, answer.context["form"].errors
    acme = Customer.objects.get(pk=cast.acme.pk)
    assert (acme.language, acme.low_balance_micros) == ("lt", 5 * EURO)
    assert acme.notification_emails == ["books@acme.example", "boss@acme.example"]
    assert (acme.notification_departments, acme.notification_opt_outs) == (["billing", "noc"], ["invoice.due"])
