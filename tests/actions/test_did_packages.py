"""Claims about packages for DIDs: who pays, in which words, and how they end when the DID leaves its customer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.actions.cast import EURO
from tests.actions.test_customer_packages import DAY, NANOS, balance, package
from tests.actions.test_customers import refused
from tests.actions.test_dids import LONDON, Scene, scene
from tests.moments import today
from tollgate.actions import domain_defaults
from tollgate.actions.accounts import create_account
from tollgate.actions.acts import Done, NotPermitted, acting
from tollgate.actions.customer_packages import assign_package, end_customer_package, update_package
from tollgate.actions.customers import create_customer
from tollgate.actions.dids import delete_did, update_did
from tollgate.actions.package_runs import run_packages
from tollgate.actions.packages import enable_call_recording
from tollgate.store.models import Charge, Customer, CustomerPackage, Did, Package

__all__ = ["scene"]


def given(scene: Scene, did: Did, sold: Package, **fields: Any) -> CustomerPackage:
    """A package of Acme for one of its DIDs."""
    return assign_package(customer_id=scene.acme.pk, package_id=sold.pk, did_id=did.pk, **fields)


def words_of(customer: Customer) -> list[str]:
    """What the charges of a customer say, in their order."""
    return list(Charge.objects.filter(customer=customer).order_by("id").values_list("description", flat=True))


def test_the_customer_of_the_did_pays_and_the_charge_names_the_number(scene: Scene) -> None:
    sold = package(scene.account, frequency="monthly", setup_retail_nanos=5 * NANOS, minimum_spend=False)
    held = given(scene, scene.did(), sold)
    assert (held.did_number, held.did.number if held.did else "") == (LONDON, LONDON)
    setup, month = words_of(scene.acme)
    assert setup == f"Hosted PBX, DID {LONDON}, setup"
    assert month.startswith(f"Hosted PBX, DID {LONDON}, {today()} to ")
    assert balance(scene.acme) == -35 * EURO
    (due,) = run_packages(customer_id=scene.acme.pk, on=held.next_on, simulate=True)
    assert due["did"] == LONDON


def test_only_a_did_of_the_customer_and_only_packages_that_are_not_of_the_customer_as_a_whole(scene: Scene) -> None:
    sold, did = package(scene.account), scene.did()
    other = create_customer(account_id=scene.account.pk, name="Baltic", currency="EUR")
    for_other: dict[str, Any] = {"customer_id": other.pk, "package_id": sold.pk}
    refused("did_id", assign_package, **for_other, did_id=did.pk)
    refused("did_id", assign_package, **for_other, did_id=10**9)
    refused("did_id", assign_package, **for_other, did_id=scene.did("442071838751", customer_id=None, card_id=None).pk)
    minutes = package(scene.account, name="Minutes", kind="free_minutes", minutes=10)
    assert "Free minutes" in refused("did_id", given, scene=scene, did=did, sold=minutes)
    spend = package(scene.account, name="Spend", minimum_spend=True)
    assert "minimum spend" in refused("did_id", given, scene=scene, did=did, sold=spend)
    foreign = create_account(name="Another company", currency="EUR")
    stranger = create_customer(account_id=foreign.pk, name="Stranger", currency="EUR")
    theirs = package(foreign)
    refused("did_id", assign_package, customer_id=stranger.pk, package_id=theirs.pk, did_id=did.pk)
    assert not CustomerPackage.objects.exists()
    with acting(scene.rita), pytest.raises(NotPermitted):
        assign_package(customer_id=scene.gull.pk, package_id=sold.pk, did_id=did.pk)


@pytest.mark.parametrize("to_baltic", [True, False])
def test_it_ends_when_the_did_leaves_its_customer_and_goes_with_nobody(scene: Scene, to_baltic: bool) -> None:
    did = scene.did()
    held = given(scene, did, package(scene.account, frequency="weekly"))
    later = given(scene, did, package(scene.account, name="Later"), starts_on=today() + 5 * DAY)
    baltic = create_customer(account_id=scene.account.pk, name="Baltic", currency="EUR")
    update_did(did_id=did.pk, private_note="stays with Acme")
    held.refresh_from_db()
    assert held.ends_on is None
    where = {"customer_id": baltic.pk, "card_id": scene.card.pk} if to_baltic else {"customer_id": None}
    update_did(did_id=did.pk, **where)
    for one in (held, later):
        one.refresh_from_db()
        assert (one.ends_on, one.next_on, one.customer_id) == (today(), None, scene.acme.pk)
    assert balance(scene.acme) == -30 * EURO, "nothing is given back, and what never began is not paid"
    assert words_of(baltic) == []


def test_its_minimum_days_are_paid_by_who_had_the_did_unless_somebody_ends_it_before(scene: Scene, done: Done) -> None:
    sold = package(scene.account, minimum_days=3)
    first, second = scene.did(), scene.did("442071838751")
    held, let_go = given(scene, first, sold), given(scene, second, sold)
    let_go = end_customer_package(customer_package_id=let_go.pk, ends_on=today(), override=True, reason="our slip")
    done.warnings.clear()
    for did in (first, second):
        update_did(did_id=did.pk, customer_id=None)
    assert done.warnings == [f"Acme pays for Hosted PBX until {today() + 2 * DAY}: its minimum days."]
    for one in (held, let_go):
        one.refresh_from_db()
    assert (held.ends_on, held.next_on, let_go.ends_on) == (today() + 2 * DAY, today() + DAY, today())
    delete_did(did_id=first.pk)
    held.refresh_from_db()
    assert (held.did_id, held.did_number) == (None, LONDON), "the number stays where it is charged"
    ahead = run_packages(customer_id=scene.acme.pk, on=today() + 9 * DAY, simulate=True)
    assert [(due["from_on"], due["did"]) for due in ahead] == [(today() + days * DAY, LONDON) for days in (1, 2)]


def test_what_a_template_customer_has_for_its_dids_is_given_to_no_new_customer(scene: Scene) -> None:
    given(scene, scene.did(), package(scene.account))
    assign_package(customer_id=scene.acme.pk, package_id=package(scene.account, name="Support").pk)
    fresh = create_customer(account_id=scene.account.pk, name="Fresh", currency="EUR")
    domain_defaults._give_packages(scene.acme, fresh, today())
    assert [held.package.name for held in CustomerPackage.objects.filter(customer=fresh)] == ["Support"]


def test_recording_is_sold_where_the_account_has_it_and_never_changes_for_who_holds_it(
    scene: Scene, done: Done
) -> None:
    feature: dict[str, Any] = {"feature": "recording"}
    assert "System > Account" in refused("feature", package, account=scene.account, **feature)
    refused("feature", package, account=scene.account, feature="transcription")
    plain = package(scene.account, name="Plain")
    enable_call_recording(account_id=scene.account.pk)
    sold = package(scene.account, **feature)
    assert Package.objects.get(pk=sold.pk).feature == "recording"
    held = given(scene, scene.did(), sold)
    refused("feature", update_package, package_id=sold.pk, feature="")
    assert update_package(package_id=sold.pk, feature="recording", retail_nanos=NANOS).retail_nanos == NANOS
    assert update_package(package_id=plain.pk, feature="recording").feature == "recording", "nobody holds it"
    CustomerPackage.objects.filter(pk=held.pk).update(starts_on=today() - 9 * DAY, ends_on=today() - 2 * DAY)
    assert update_package(package_id=sold.pk, feature="").feature == "", "it is over for all"
