"""Claims about importing prices and about the price of a number."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.actions.cast import ANN
from tests.panel.cast import Cast
from tollgate.actions.acts import acting
from tollgate.actions.revisions import publish_revision
from tollgate.store.models import Card, Rate, Revision

pytestmark = pytest.mark.django_db
FILE = "Country;Per minute;Dial code;Increment\nUK;0,05;44;60/6\nLithuania;0,08;370;1/1\n"


def uploaded(client: Client, cast: Cast, text: str) -> str:
    """Sends a file and gives the address of the dry run."""
    file = SimpleUploadedFile("rates.csv", text.encode())
    answer = client.post(f"/cards/{cast.customer_card.pk}/import/", {"file": file})
    assert answer.status_code == 302
    return str(answer["Location"])


def meaning(answer: object) -> dict[str, str]:
    """The meaning of the columns as the publish form carries it."""
    form = answer.context["form"]  # type: ignore[attr-defined]  # the test client adds it
    return {bound.name: str(bound.value()) for bound in form.hidden_fields() if bound.value() is not None}


def test_columns_in_any_order_are_published_from_their_moment(cast: Cast, ann: Client) -> None:
    address = uploaded(ann, cast, FILE)
    dry = ann.get(address)
    assert dry.status_code == 200
    ways = [dry, *(ann.get(f"/cards/{cast.customer_card.pk}/{page}/") for page in ("import", "markup", "edit"))]
    way = ["Selling", "Customer cards", cast.customer_card.name]
    assert [[str(crumb.title) for crumb in page.context["breadcrumbs"]] for page in ways] == [way] * 4
    assert Revision.objects.filter(card=cast.customer_card).count() == 1, "a dry run publishes nothing"
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    sent = {**meaning(dry), "effective_at": later.strftime("%Y-%m-%dT%H:%M:%S"), "note": "agreed by mail"}
    assert ann.post(address, sent).status_code == 302
    revision = Revision.objects.get(card=cast.customer_card, number=2)
    assert (revision.effective_at, revision.rate_count, revision.note) == (later, 2, "agreed by mail")
    uk = Rate.objects.get(revision=revision, prefix="44")
    assert (uk.price_nanos, uk.initial_s, uk.increment_s, uk.destination) == (50_000_000, 60, 6, "UK")
    assert ann.get(address).status_code == 404, "the upload is gone once it is published"


def test_a_row_error_is_told_with_its_line_and_stops_everything(cast: Cast, ann: Client) -> None:
    address = uploaded(ann, cast, FILE + "Mars;cheap;999;1/1\n")
    page = ann.get(address)
    assert '<td class="num">4</td>' in page.content.decode()
    assert ann.post(address, meaning(page)).status_code == 422
    assert Revision.objects.filter(card=cast.customer_card).count() == 1


def test_the_meaning_of_a_column_can_be_changed(cast: Cast, ann: Client) -> None:
    address = uploaded(ann, cast, "a;b;c\n44;x;0.05\n")
    assert "column" in ann.get(address).content.decode().lower()
    chosen = {"column-prefix": "0", "column-price": "2", "column-destination": "1"}
    assert b"1 rate, no errors" in ann.get(address, chosen).content
    assert ann.post(address, {**chosen, "note": ""}).status_code == 302
    assert Rate.objects.get(revision__card=cast.customer_card, revision__number=2).price_nanos == 50_000_000


def test_the_longest_prefix_wins_and_is_priced_step_by_step(cast: Cast, ann: Client) -> None:
    address = f"/cards/{cast.customer_card.pk}/"
    page = ann.get(address, {"number": "+44 7712 345678", "duration_s": "67"}).content.decode()
    assert "UK mobile" in page
    assert re.search(r'>0\.10050*</td><td class="price-unit">EUR<', page)
    fixed = ann.get(address, {"number": "442071838750", "duration_s": "67"}).content.decode()
    assert "Seconds 0 to 120 at 0.06 EUR per 60 s" in fixed
    assert re.search(r'>0\.120*</td><td class="price-unit">EUR<', fixed)
    assert "No rate of revision 1 matches" in ann.get(address, {"number": "370", "duration_s": "60"}).content.decode()
    assert "has characters that are not digits" in ann.get(address, {"number": "x", "duration_s": "1"}).content.decode()
    blocked = ann.get(address, {"number": "88212345", "duration_s": "60"}).content.decode()
    assert "Blocked" in blocked


def test_an_older_revision_is_sorted_searched_exported_and_turned_into_a_pivot_as_itself(
    cast: Cast, ann: Client
) -> None:
    with acting(ANN):
        publish_revision(card_id=cast.customer_card.pk, rows=[{"prefix": "999", "price_nanos": 1}])
    address = f"/cards/{cast.customer_card.pk}/"
    assert ann.get(f"{address}?revision=1")["Location"] == f"{address}?f.revision=1"
    grid = ann.get(f"{address}?f.revision=1").context["grid"]
    old = {row.prefix for row in grid.rows}
    assert len(old) > 1
    links = [title.sort_url for title in grid.titles() if title.sort_url]
    for link in (*links, f"{grid.csv_url()}", grid.pivot_url()):
        assert "f.revision=1" in link
    for asked in ("sort=-price_nanos", "q=", "group=blocked"):
        assert {row.prefix for row in ann.get(f"{address}?f.revision=1&{asked}").context["grid"].rows} == old, asked
    text = b"".join(ann.get(f"{address}{grid.csv_url()}")).decode()  # type: ignore[arg-type]
    assert "999" not in text
    groups = ann.get(f"{address}?f.revision=1&pivot_by=blocked&export=pivot").json()["groups"]
    assert sum(int(group["parts"][0]) for group in groups) == len(old)
    assert [row.prefix for row in ann.get(address).context["grid"].rows] == ["999"]


def test_only_a_card_that_never_priced_a_call_can_be_deleted(cast: Cast, ann: Client, bob: Client) -> None:
    ann.post("/cards/new-carrier/", {
        "name": "Spare", "currency": "EUR", "carrier_id": cast.cirrus.pk, "precision": "4", "method": "up",
        "duration_method": "up", "increments": "initial_then_increment",
    })  # fmt: skip
    spare = Card.objects.get(name="Spare")
    page, used = f"/cards/{spare.pk}/", f"/cards/{cast.carrier_card.pk}/"
    assert "Delete this card" in ann.get(page).content.decode()
    assert "Delete this card" not in bob.get(page).content.decode()
    assert "Delete this card" not in ann.get(used).content.decode()
    ann.post(f"{page}delete/", {"confirmation": "something else"})
    assert Card.objects.filter(pk=spare.pk).exists()
    assert ann.post(f"{page}delete/", {"confirmation": "Spare"})["Location"] == "/cards/carrier/"
    assert not Card.objects.filter(pk=spare.pk).exists()
    refused = ann.post(f"{used}delete/", {"confirmation": "Cirrus A-Z"}, follow=True)
    assert "published revisions" in refused.content.decode()
    assert Card.objects.filter(pk=cast.carrier_card.pk).exists()
