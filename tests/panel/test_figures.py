"""Claims about how numbers are written for users of the panel: by their language, and for programs with a point."""

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tests.panel.conftest import logged_in
from tollgate.store.models import Customer, User

pytestmark = pytest.mark.django_db
COMMA = ("de", "fr", "es", "pt")


def reader(cast: Cast, language: str) -> Client:
    """Ann, who reads that language."""
    User.objects.filter(pk=cast.ann.pk).update(language=language)
    return logged_in(User.objects.get(pk=cast.ann.pk))


@pytest.mark.parametrize("language", [*COMMA, "en"])
def test_amounts_of_lists_and_pages_are_written_by_the_users_language(cast: Cast, language: str) -> None:
    ann, acme = reader(cast, language), f"/customers/{cast.acme.pk}"
    shown, other = ("25,00", "25.00") if language in COMMA else ("25.00", "25,00")
    listed = ann.get("/customers/").content.decode()
    assert f">{shown} <" in listed
    assert 'data-value="25.00"' in listed, "what is copied and added keeps the point"
    paid = ann.get(f"{acme}/payments/").content.decode()
    assert f"{shown} <" in paid
    assert f">{other} <" not in paid
    assert ('data-decimal=","' in paid) is (language in COMMA)
    file = ann.get("/customers/?export=csv").getvalue().decode()
    assert "25.00" in file
    assert "25,00" not in file


def test_a_form_shows_and_takes_amounts_by_the_users_language(cast: Cast) -> None:
    ann, address = reader(cast, "de"), f"/customers/{cast.acme.pk}/edit/"
    form = ann.get(address).context["form"]
    sent = {name: value for name in form.fields if (value := form[name].value()) is not None and value is not False}
    sent |= {"low_balance_micros": "12,5", "cps_milli": "2.5"}
    answer = ann.post(address, sent)
    assert answer.status_code == 302, answer.context["form"].errors
    acme = Customer.objects.get(pk=cast.acme.pk)
    assert (acme.low_balance_micros, acme.cps_milli) == (12_500_000, 2_500)
    page = ann.get(address).content.decode()
    assert 'value="12,50"' in page
    assert 'value="2,5"' in page
    doubted = ann.post(f"/customers/{cast.acme.pk}/top-up/", {"amount_micros": "1.000", "note": "", "key": "k"})
    assert doubted.status_code == 422
    assert "amount_micros" in doubted.context["form"].errors


def test_a_condition_is_typed_by_the_users_language_and_stands_in_the_address_with_a_point(cast: Cast) -> None:
    ann = reader(cast, "de")
    page = ann.get("/customers/", {"where": "balance", "op": "more", "value": "24,5"})
    assert [row.name for row in page.context["grid"].rows] == ["Acme"]
    text = page.content.decode()
    assert "c.balance=more%3A24.5" in text
    assert "24,5" in text
    for doubted in ("1.500", "1.500,5", "1 .. 1.500"):
        assert ann.get("/customers/", {"where": "balance", "op": "more", "value": doubted}).status_code == 422
    shared = reader(cast, "en").get("/customers/?c.balance=more:24.5")
    assert [row.name for row in shared.context["grid"].rows] == ["Acme"]
    both = reader(cast, "de").get("/customers/", {"where": "balance", "op": "between", "value": "24,5 .. 25,5"})
    assert [row.name for row in both.context["grid"].rows] == ["Acme"]
