"""Claims about the pages of packages: made, assigned, run and ended; what is left of a customer's minutes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.moments import today
from tests.panel.cast import CHARGED_ID, Cast
from tollgate.actions.tasks import work
from tollgate.store.models import CDR, Charge, Customer, CustomerPackage, Package, Task

pytestmark = pytest.mark.django_db
HOSTED = {
    "name": "Hosted PBX", "currency": "EUR", "kind": "standard", "retail_nanos": "25", "cost_nanos": "10",
    "setup_retail_nanos": "40", "setup_cost_nanos": "0", "frequency": "weekly", "match_days": "", "prorate": "on",
    "minimum_days": "30", "minutes": "0", "description": "", "prefixes": "",
}  # fmt: skip


def shown_when_done(client: Client, address: str) -> str:
    """The page of a run for everybody, once a worker has done it."""
    now = datetime.now(UTC)
    work(lambda: now, now + timedelta(seconds=1))
    return " ".join(client.get(address).content.decode().split())


def test_ann_sells_a_package_runs_it_and_ends_it(cast: Cast, ann: Client) -> None:
    bad = ann.post("/packages/new/", {**HOSTED, "match_days": "8"})
    assert bad.status_code == 422
    assert "Give days from 1 to 7." in bad.content.decode()
    assert ann.post("/packages/new/", HOSTED).status_code == 302
    sold = Package.objects.get(name="Hosted PBX")
    assert (sold.retail_nanos, sold.match_days, sold.prorate) == (25 * 10**9, [], True)

    page = f"/customers/{cast.acme.pk}/packages/"
    given = {
        "package_id": sold.pk,
        "quantity": "2",
        "starts_on": str(today() - timedelta(days=7)),
        "auto_decrement": "on",
    }
    assert ann.post(f"{page}new/", given)["Location"] == page
    held = CustomerPackage.objects.get(package=sold)
    shown = ann.get(page).content.decode()
    for words in ("Hosted PBX", "from the balance", str(held.next_on), "Free start", "10:00", "every number"):
        assert words in shown, words

    everybody = {"customer_id": "", "on": str(today() + timedelta(days=7)), "simulate": "on"}
    told = shown_when_done(ann, ann.post("/packages/run/", everybody)["Location"])
    assert "This would be charged" in told
    assert "50.00" in told
    assert Charge.objects.filter(customer=cast.acme).count() == 3
    ahead = ann.post("/packages/run/", {"customer_id": "Acme", "on": str(today() + timedelta(days=7))})
    assert ahead.status_code == 422
    assert "Nothing is charged ahead of its day" in ahead.content.decode()
    again = ann.post("/packages/run/", {"customer_id": "Acme", "on": str(today())})
    assert "Nothing is due by this day" in again.content.decode()

    one = f"/customer-packages/{held.pk}/"
    assert "Hosted PBX, setup" in ann.get(one).content.decode()
    assert ann.post(one, {"version": held.version, "quantity": "3"}).status_code == 302
    assert "This package is held for 30 days" in ann.post(f"{one}end/", {}).content.decode()
    assert ann.post(f"{one}end/", {"override": "on", "reason": "moved away"})["Location"] == page
    held.refresh_from_db()
    assert (held.quantity, held.auto_decrement, held.ends_on) == (3, False, today() + timedelta(days=6))
    told = ann.get(f"/packages/{sold.pk}/").content.decode()
    assert "Held by 0 customers" in told
    assert "180.00" in told  # twice 40 for the start, twice 25 for each of two weeks
    assert "140.00" in told  # less twice 10 for each of them


def test_what_is_held_keeps_its_periods_and_what_was_held_is_not_deleted(cast: Cast, ann: Client) -> None:
    sold = Package.objects.get(name="Free start")
    form = {**HOSTED, "name": "Free start", "kind": "free_minutes", "minutes": "20", "version": sold.version}
    refused = ann.post(f"/packages/{sold.pk}/", form)
    assert refused.status_code == 422
    assert "make another package" in refused.content.decode()
    assert ann.post(f"/packages/{sold.pk}/delete/", {"confirmation": sold.name}).status_code == 302
    assert Package.objects.filter(pk=sold.pk).exists()


@pytest.mark.parametrize(("talk_s", "used_s", "cost_micros"), [(70, 60, 60_000), (50, 50, 0)])
def test_a_calls_page_tells_which_bundle_gave_how_many_seconds(
    cast: Cast, ann: Client, talk_s: int, used_s: int, cost_micros: int
) -> None:
    cdr = CDR.objects.get(pk=CHARGED_ID)
    assert cdr.detail is not None
    leg = {**cdr.detail["legs"][0], "cost": cost_micros}
    given = {"bundle": 1, "name": "Free start", "wallet": 1, "held_s": 60, "used_s": used_s}
    cdr.detail = {**cdr.detail, "legs": [leg], "carrier": None, "minutes": [given]}
    cdr.pk, cdr.edge_call_id, cdr.duration_ms, cdr.cost_micros = 9002, "of-minutes", talk_s * 1000, cost_micros
    cdr.save(force_insert=True)
    page = ann.get("/calls/9002/").content.decode()
    assert f"{used_s} s free, from Free start" in page
    assert "not what the rate alone gives" not in page


def test_a_run_for_everybody_charges_each_by_itself_and_tells_whom_it_could_not(cast: Cast, ann: Client) -> None:
    assert ann.post("/packages/new/", {**HOSTED, "frequency": "daily"}).status_code == 302
    sold = Package.objects.get(name="Hosted PBX")
    Customer.objects.update(parked_at=datetime.now(UTC))  # so that it waits for the run
    for customer in (cast.acme, cast.baltic):
        given = {"package_id": sold.pk, "quantity": "1", "starts_on": str(today())}
        assert ann.post(f"/customers/{customer.pk}/packages/new/", given).status_code == 302
    Customer.objects.update(parked_at=None)
    everybody = {"customer_id": "", "on": str(today() + timedelta(days=1))}
    begun = ann.post("/packages/run/", everybody)["Location"]
    assert ann.post("/packages/run/", everybody)["Location"] == begun
    waits = ann.get(begun).content.decode()
    assert all(words in waits for words in ("Nothing yet.", ">Cancel<", f'hx-get="{begun}now/"'))
    told = shown_when_done(ann, begun)
    for name in ("Acme", "Baltic"):
        assert f"{name}: On: Nothing is charged ahead of its day" in told
    task = Task.objects.get()
    assert f'href="{begun}">What it charges<' in ann.get(f"/tasks/{task.pk}/").content.decode()
    later = {"customer_id": "", "on": str(today() + timedelta(days=9))}
    assert "Nothing is charged ahead of its day" in ann.post("/packages/run/", later).content.decode()
    own = Charge.objects.filter(detail__customer_package__in=list(sold.holders.values_list("pk", flat=True)))
    assert not own.exists()
    told = shown_when_done(ann, ann.post("/packages/run/", {**everybody, "on": str(today())})["Location"])
    assert all(words in told for words in ("This was charged", "Acme", "Baltic", "Hosted PBX", "3 of 3 rows done"))
    assert {charge.customer_id for charge in own} == {cast.acme.pk, cast.baltic.pk}
