"""Claims about rates that say more than one price: told in words, imported, shown, exported and read back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.panel.cast import Cast
from tollgate.actions.mailings import card_file
from tollgate.core.card_tariffs import tariff_rate
from tollgate.panel.tariffs import tariff_words
from tollgate.store.models import Rate, Revision

STEP = '{"at_s":0,"price_nanos":60000000}'
FILE = (
    "Prefix;Name;Price;Connect fee;Increments;Grace;Included s;Minimum cost;Maximum cost;Blocked;Own tariff\n"
    "44;UK;0,05;0,01;60/6;2;10;0,02;1,5;no;\n45;Denmark;0,05;;;;;;;yes;\n*;Others;0,2;;30/30;;;;;;\n"
    '370;Lithuania;;;;;;;;;"{""windows"":[{""steps"":[{""at_s"":0,""price_nanos"":60000000}]},{""weekdays"":[1,2,3,4,5],'
    '""from_s"":28800,""until_s"":72000,""weight"":20,""steps"":[{""at_s"":0,""price_nanos"":80000000}]}],'
    '""zone"":""Europe/Vilnius""}"\n'
)
WORDS = "Mon-Fri 08:00-20:00 0.08/min 1/1; at other times 0.06/min 1/1; Europe/Vilnius"


@pytest.mark.parametrize(
    ("tariff", "words"),
    [
        (f'{{"windows":[{{"steps":[{STEP}]}}],"minimum_nanos":20000000}}', "0.06/min 1/1; at least 0.02 a call"),
        (
            f'{{"windows":[{{"connect_fee_nanos":10000000,"steps":[{STEP}]}}],"maximum_nanos":500000000,"grace_s":2}}',
            "connect fee 0.01, 0.06/min 1/1; free up to 2 s; at most 0.5 a call",
        ),
        (
            f'{{"windows":[{{"steps":[{STEP}]}}],"maximum_nanos":5,"at_maximum":"disconnect","included_s":9}}',
            "0.06/min 1/1; first 9 s included; ended at 0.000000005",
        ),
        (
            (
                '{"windows":[{"steps":[{"at_s":0,"price_nanos":1000,"per_s":30,"increment_s":60},'
                '{"at_s":60,"price_nanos":1000,"per_s":30,"increment_s":6},{"at_s":600,"price_nanos":0}]}]}'
            ),
            "0.000001/30 s 60/6, from second 600 0/min 1/1",
        ),
        (
            (
                f'{{"windows":[{{"steps":[{STEP}],"weekdays":[1,2,7],"months":[12],"month_days":[24,25,26],'
                '"from_on":"2026-01-01","until_on":"2026-12-31","from_s":3661}]}'
            ),
            "Mon-Tue, Sun Dec 24.-26. ≥ 2026-01-01 ≤ 2026-12-31 01:01:01-24:00 0.06/min 1/1; UTC",
        ),
    ],
)
def test_a_rate_is_told_in_words(tariff: str, words: str) -> None:
    assert tariff_words(tariff_rate(tariff)) == words


def imported(client: Client, card: int, text: str) -> None:
    """Sends a file and publishes it as it is understood."""
    file = SimpleUploadedFile("rates.csv", text.encode())
    address = str(client.post(f"/cards/{card}/import/", {"file": file})["Location"])
    form = client.get(address).context["form"]
    sent = {bound.name: str(bound.value()) for bound in form.hidden_fields() if bound.value() is not None}
    assert client.post(address, sent).status_code == 302


def kept(card: int, number: int) -> list[tuple[object, ...]]:
    """What one revision of a card says."""
    columns = ("prefix", "destination", "blocked", "price_nanos", "connect_fee_nanos", "initial_s", "increment_s")
    rates = Rate.objects.filter(revision__card=card, revision__number=number).order_by("prefix")
    return list(rates.values_list(*columns, "grace_s", "included_s", "tariff"))


@pytest.mark.django_db
def test_windows_and_limits_are_imported_shown_in_words_and_read_back_from_the_export(cast: Cast, ann: Client) -> None:
    card = cast.customer_card.pk
    file = SimpleUploadedFile("rates.csv", FILE.encode())
    dry = ann.get(str(ann.post(f"/cards/{card}/import/", {"file": file})["Location"])).content.decode()
    assert WORDS in dry
    imported(ann, card, FILE)
    rates = {row.prefix: row for row in Rate.objects.filter(revision__card=card, revision__number=2)}
    limits = tariff_rate(rates["44"].tariff)
    assert (limits.minimum_nanos, limits.maximum_nanos) == (20_000_000, 1_500_000_000)
    assert rates["370"].price_nanos == 60_000_000
    page = ann.get(f"/cards/{card}/", {"number": "37060000000", "duration_s": "60"}).content.decode()
    assert page.count(WORDS) == 2, "in the list and beside the price of a number"
    assert "at least 0.02 a call; at most 1.5 a call" in page
    shown = "columns=" + ",".join(COLUMNS)
    export = b"".join(ann.get(f"/cards/{card}/?export=csv&{shown}")).decode()  # type: ignore[call-overload]  # a stream
    imported(ann, card, export)
    assert Revision.objects.filter(card=card).count() == 3
    assert kept(card, 3) == kept(card, 2)
    imported(ann, card, card_file(cast.customer_card, datetime.now(UTC)))
    assert kept(card, 4) == kept(card, 2), "what is mailed to customers is read back too"


COLUMNS = (
    "prefix", "destination", "price", "connect", "increments", "grace_s", "included_s", "tariff", "blocked",
)  # fmt: skip
