"""Claims about delayed saves: tried at once, done later in the author's name, and never over what others have done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.actions.cast import EURO, acme, bought_by, sold_by
from tollgate.actions.acts import Actor, Invalid, NotFound, NotPermitted, OutOfDate, acting
from tollgate.actions.carrier_statements import describe_carrier_files
from tollgate.actions.carriers import create_carrier
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.delays import (
    OWN_RIGHTS,
    cancel_delayed_save,
    delay_save,
    forget_old,
    rights_over,
    run_delayed_save,
    run_due,
    update_delayed_save,
)
from tollgate.actions.endpoints import create_sip_user
from tollgate.actions.exchange_rates import set_exchange_rate
from tollgate.actions.retention import place_legal_hold
from tollgate.actions.routes import create_ingress_route, update_ingress_route
from tollgate.actions.tags import create_tag
from tollgate.actions.taxes import create_tax
from tollgate.actions.users import create_user, create_user_group, update_user, update_user_group
from tollgate.store.models import (
    Account,
    Audit,
    CarrierFormat,
    Contact,
    Customer,
    DelayedSave,
    Endpoint,
    ExchangeRate,
    Message,
    RouteOption,
    User,
    UserGroup,
)
from tollgate.store.queries.customers import below

AT = datetime(2031, 5, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
PASSWORD = "correct horse battery"


@pytest.fixture
def group(account: Account) -> UserGroup:
    """Who may change customers, and put it off."""
    del account
    return create_user_group(name="Sellers", acts=["update_customer", "create_contact", "delay_save"])


@pytest.fixture
def ann(group: UserGroup) -> User:
    """Ann, a user of that group."""
    every = create_user_group(name="All", acts=["*"])
    create_user(name="Eve", email="eve@demo.example", password=PASSWORD, group_ids=[every.pk])
    return create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[group.pk])


@pytest.fixture
def customer(account: Account) -> Customer:
    """Acme, with a debit limit of 25."""
    return acme(account, debit_limit_micros=25 * EURO, channels=5)


def as_user(user: User, reason: str = "promised") -> Actor:
    """The user as the panel acts for one."""
    return Actor(user.email, user.acts() or frozenset(), reason, "user", user.pk, "192.0.2.1")


def put_off(user: User, customer: Customer, **changes: object) -> DelayedSave:
    """A change of a customer at `LATER`."""
    with acting(as_user(user)):
        return delay_save(act="update_customer", arguments={"customer_id": customer.pk, **changes}, due_at=LATER)


def now(record: DelayedSave) -> tuple[str, str]:
    """What has become of it, and why."""
    record.refresh_from_db()
    return record.state, record.result


def test_a_limit_is_changed_at_its_time_once_and_in_the_name_of_its_author(ann: User, customer: Customer) -> None:
    saved = put_off(ann, customer, debit_limit_micros=0, channels=5, name="Acme", version=customer.version)
    assert saved.arguments == {"customer_id": customer.pk, "debit_limit_micros": 0}
    customer.refresh_from_db()
    assert (customer.debit_limit_micros, customer.version) == (25 * EURO, 1), "trying it leaves no trace"
    assert (saved.before, saved.after) == ({"debit_limit_micros": 25 * EURO}, {"debit_limit_micros": 0})
    assert (saved.title, saved.customer_id) == ("Acme: debit limit", customer.pk)
    update_customer(customer_id=customer.pk, channels=7)
    assert run_due(LATER - timedelta(microseconds=1)) == 0
    assert run_due(LATER) == 1
    assert run_due(LATER) == 0
    customer.refresh_from_db()
    assert (customer.debit_limit_micros, customer.channels) == (0, 7), "what others changed beside it stays"
    assert now(saved) == ("done", "")
    rows = list(Audit.objects.filter(customer_id=customer.pk, actor="ann@demo.example").order_by("id"))
    told = [(row.table_name, row.verb, row.act, row.reason, row.actor_id) for row in rows]
    assert told == [
        ("delayed_save", "INSERT", "delay_save", "promised", ann.pk),
        ("customer", "UPDATE", "update_customer", "promised", ann.pk),
        ("delayed_save", "UPDATE", "run_delayed_save", f"delayed save {saved.pk}", ann.pk),
    ]


def test_what_somebody_else_changed_meanwhile_wins_and_the_author_is_told(ann: User, customer: Customer) -> None:
    saved = put_off(ann, customer, debit_limit_micros=0, channels=9)
    update_customer(customer_id=customer.pk, debit_limit_micros=30 * EURO)
    User.objects.filter(pk=ann.pk).update(email="ann.new@demo.example", email_verified_at=AT)
    run_due(LATER)
    state, why = now(saved)
    assert state == "conflict"
    assert why == "Debit limit is 30.00 now, it was 25.00 when this was saved."
    customer.refresh_from_db()
    assert (customer.debit_limit_micros, customer.channels) == (30 * EURO, 5), "nothing is half-saved"
    (mail,) = Message.objects.all()
    assert (mail.recipient, why in mail.text, saved.title in mail.subject) == ("ann.new@demo.example", True, True)


def test_an_email_that_nobody_has_proved_is_not_told_of_values(ann: User, customer: Customer) -> None:
    saved = put_off(ann, customer, debit_limit_micros=0)
    update_customer(customer_id=customer.pk, debit_limit_micros=30 * EURO)
    run_due(LATER)
    assert (now(saved)[0], Message.objects.count()) == ("conflict", 0)


def test_input_that_cannot_be_is_told_when_it_is_put_off(ann: User, customer: Customer) -> None:
    for changes, field in (
        ({"channels": -1}, "channels"),
        ({"parent_id": customer.pk}, "parent_id"),
        ({"colour": "blue"}, "colour"),
        ({"channels": 5}, "arguments"),
    ):
        with pytest.raises(Invalid) as caught:
            put_off(ann, customer, **changes)
        assert list(caught.value.errors) == [field]
    with pytest.raises(OutOfDate):
        put_off(ann, customer, channels=6, version=customer.version + 1)
    with acting(as_user(ann)), pytest.raises(NotPermitted):
        delay_save(act="create_customer", arguments={"name": "X"}, due_at=LATER)
    every = Actor(ann.email, frozenset({"*"}), "promised", "user", ann.pk)
    for act in ("delete_customer", "update_delayed_save", "draft_invoice", "no_such_act"):
        with acting(every), pytest.raises(Invalid, match="cannot be delayed"):
            delay_save(act=act, arguments={"customer_id": customer.pk}, due_at=LATER)
    with pytest.raises(Invalid, match="Only a user"):
        delay_save(act="update_customer", arguments={"customer_id": customer.pk, "channels": 9}, due_at=LATER)
    assert not DelayedSave.objects.exists()


@pytest.mark.parametrize("lost", ["active", "group", "act", "reseller"])
def test_an_author_who_may_no_longer_do_it_does_it_no_longer(
    ann: User, customer: Customer, group: UserGroup, lost: str
) -> None:
    saved = put_off(ann, customer, channels=9)
    if lost == "active":
        update_user(user_id=ann.pk, is_active=False)
    elif lost == "group":
        update_user(user_id=ann.pk, group_ids=[])
    elif lost == "act":
        UserGroup.objects.filter(pk=group.pk).update(acts=["create_contact"])
    else:
        nordic = create_customer(account_id=customer.account_id, name="Nordic", currency="EUR", is_reseller=True)
        User.objects.filter(pk=ann.pk).update(reseller_id=nordic.pk)
    run_due(LATER)
    assert now(saved)[0] == "refused"
    customer.refresh_from_db()
    assert customer.channels == 5


def test_a_refusal_of_that_moment_is_kept_and_the_next_one_is_done(ann: User, customer: Customer) -> None:
    first, second = put_off(ann, customer, name="Baltic"), put_off(ann, customer, channels=9)
    create_customer(account_id=customer.account_id, name="Baltic", currency="EUR")
    assert run_due(LATER) == 2
    assert now(first)[0] == "refused"
    assert "Another customer" in now(first)[1]
    assert now(second)[0] == "done"


def test_it_is_moved_run_before_its_time_or_taken_back_but_only_while_it_waits(ann: User, customer: Customer) -> None:
    saved = put_off(ann, customer, channels=9)
    update_delayed_save(delayed_save_id=saved.pk, due_at=LATER + timedelta(days=1))
    assert run_due(LATER) == 0
    run_delayed_save(delayed_save_id=saved.pk)
    customer.refresh_from_db()
    assert (now(saved)[0], customer.channels) == ("done", 9)
    row = Audit.objects.get(table_name="customer", verb="UPDATE", row_id=customer.pk)
    assert row.actor == "ann@demo.example", "somebody else pressed the button; it is the author's change"
    taken_back = put_off(ann, customer, channels=11)
    cancel_delayed_save(delayed_save_id=taken_back.pk)
    assert (now(taken_back)[0], run_due(LATER)) == ("canceled", 0)
    for act in (run_delayed_save, cancel_delayed_save):
        with pytest.raises(Invalid):
            act(delayed_save_id=taken_back.pk)


def test_an_author_manages_what_is_his_and_a_colleague_needs_the_right(ann: User, customer: Customer) -> None:
    saved = put_off(ann, customer, channels=9)
    colleague = Actor("dan@demo.example", frozenset({"delay_save"}), kind="user", id=ann.pk + 1)
    assert rights_over(as_user(ann), saved) >= OWN_RIGHTS
    assert not rights_over(colleague, saved) & OWN_RIGHTS
    with acting(colleague), pytest.raises(NotPermitted):
        cancel_delayed_save(delayed_save_id=saved.pk)


def test_a_record_is_made_at_its_time(ann: User, customer: Customer) -> None:
    with acting(as_user(ann)):
        arguments = {"customer_id": customer.pk, "email": "dan@acme.example", "first_name": "Dan"}
        saved = delay_save(act="create_contact", arguments=arguments, due_at=LATER)
    assert (saved.row_id, saved.before, saved.customer_id) == (0, {}, customer.pk)
    assert saved.title == "New contact: Dan"
    assert not Contact.objects.exists()
    run_due(LATER)
    assert Contact.objects.get().email == "dan@acme.example"


def test_a_record_that_somebody_made_meanwhile_is_not_overwritten(account: Account) -> None:
    """Acts that make a record or change the one that is there: a day's rate, how a carrier writes its files."""
    group = create_user_group(name="All", acts=["*"])
    ann = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[group.pk])
    told = {"account_id": account.pk, "base": "EUR", "quote": "USD", "on": "2031-05-02", "rate_nanos": 1_100_000_000}
    cirrus = create_carrier(account_id=account.pk, name="Cirrus", currency="EUR")
    with acting(as_user(ann)):
        saves = [
            delay_save(act="set_exchange_rate", arguments=told, due_at=LATER),
            delay_save(act="set_exchange_rate", arguments={**told, "on": "2031-05-03"}, due_at=LATER),
            delay_save(act="describe_carrier_files", arguments={"carrier_id": cirrus.pk, "strip": "00"}, due_at=LATER),
        ]
    set_exchange_rate(**{**told, "rate_nanos": 1_200_000_000})
    describe_carrier_files(carrier_id=cirrus.pk, strip="99", time_tolerance_s=7)
    run_due(LATER)
    appeared = ("conflict", "There is such a record now; there was none when this was saved.")
    assert [now(saved) for saved in saves] == [appeared, ("done", ""), appeared]
    rates = ExchangeRate.objects.order_by("on").values_list("rate_nanos", flat=True)
    assert list(rates) == [1_200_000_000, 1_100_000_000]
    assert list(CarrierFormat.objects.values_list("strip", "time_tolerance_s")) == [("99", 7)]


def test_a_password_that_waits_is_sealed_and_works_when_its_time_comes(account: Account, customer: Customer) -> None:
    group = create_user_group(name="All", acts=["*"])
    ann = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[group.pk])
    with acting(as_user(ann)):
        given = {"customer_id": customer.pk, "username": "acme-carla", "password": PASSWORD}
        saved = delay_save(act="create_sip_user", arguments=given, due_at=LATER)
    shown = [saved.arguments, saved.after, *Audit.objects.values_list("before", "after")]
    assert PASSWORD not in str(shown)
    run_due(LATER)
    saved.refresh_from_db()
    assert saved.arguments == {"customer_id": customer.pk, "username": "acme-carla"}, "it waits no longer"
    at_once = create_sip_user(customer_id=customer.pk, username="other", password=PASSWORD)
    assert Endpoint.objects.get(username="acme-carla").ha1 not in (None, "", at_once.ha1)
    assert Endpoint.objects.get(username="acme-carla").customer_id == customer.pk


def test_the_carrier_cards_of_a_route_are_compared_too(account: Account, customer: Customer) -> None:
    group = create_user_group(name="All", acts=["*"])
    ann = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[group.pk])
    card = bought_by(account)
    route = create_ingress_route(
        customer_id=customer.pk, name="World", card_id=sold_by(account).pk, options=[{"card_id": card.pk}]
    )
    excluded = [{"card_id": card.pk, "excluded": True}]
    for meanwhile, becomes in ((False, "done"), (True, "conflict")):
        RouteOption.objects.filter(ingress_route=route).update(excluded=False, weight=100)
        with acting(as_user(ann)):
            arguments = {"ingress_route_id": route.pk, "options": excluded}
            saved = delay_save(act="update_ingress_route", arguments=arguments, due_at=LATER)
        assert saved.before == {"options": ["Cirrus A-Z (place 1, weight 100)"]}
        if meanwhile:
            update_ingress_route(ingress_route_id=route.pk, options=[{"card_id": card.pk, "weight": 7}])
        run_due(LATER)
        assert now(saved)[0] == becomes


def test_taxes_are_compared_tags_that_stay_are_left_and_a_note_or_a_verified_number_is_added(
    ann: User, customer: Customer, group: UserGroup
) -> None:
    with pytest.raises(NotPermitted, match="add_customer_note"):
        put_off(ann, customer, note="Call them")
    more = ["update_customer", "delay_save", "add_customer_note", "add_verified_cli"]
    update_user_group(group_id=group.pk, acts=more)
    vat, other = (create_tax(account_id=customer.account_id, name=name, rate_ppm=210_000) for name in ("VAT", "X"))
    tag = create_tag(account_id=customer.account_id, name="Retail")
    update_customer(customer_id=customer.pk, tag_ids=[tag.pk])
    done = put_off(ann, customer, tax_ids=[vat.pk], tag_ids=[tag.pk])
    assert (done.before, done.after) == ({"customer_taxes": []}, {"customer_taxes": ["VAT"]})
    assert set(done.arguments) == {"customer_id", "tax_ids"}
    update_customer(customer_id=customer.pk, tag_ids=[])
    run_due(LATER)
    assert (now(done), customer.tax_ids, customer.tag_ids) == (("done", ""), [vat.pk], [])
    late = put_off(ann, customer, tax_ids=[])
    update_customer(customer_id=customer.pk, tax_ids=[other.pk])
    noted = put_off(ann, customer, note="Call them")
    assert (noted.before, noted.after) == ({}, {"note": "Call them"})
    with acting(as_user(ann)):
        number = {"customer_id": customer.pk, "number": "442071838750"}
        known = delay_save(act="add_verified_cli", arguments=number, due_at=LATER)
    run_due(LATER)
    assert now(late) == ("conflict", "Taxes is X now, it was VAT when this was saved.")
    assert (now(noted)[0], now(known)[0]) == ("done", "done")
    assert [(row.author, row.text) for row in customer.notes.all()] == [("ann@demo.example", "Call them")]
    assert customer.verified_clis.get().verified_by == "ann@demo.example"


def test_a_resellers_user_puts_off_what_he_may_do_at_once_and_no_more(account: Account, customer: Customer) -> None:
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR", is_reseller=True)
    group = create_user_group(
        name="Nordic's", acts=["create_customer", "create_tag", "delay_save"], areas=["customers"]
    )
    olaf = create_user(name="Olaf", email="olaf@demo.example", password=PASSWORD, group_ids=[group.pk])
    User.objects.filter(pk=olaf.pk).update(reseller_id=nordic.pk)

    def olaf_now() -> Actor:
        return replace(as_user(olaf), reseller_id=nordic.pk, reach=frozenset(below(nordic.pk)))

    new = {"account_id": account.pk, "name": "Fjord", "currency": "EUR", "parent_id": nordic.pk}
    with acting(olaf_now()):
        with pytest.raises(NotPermitted):
            delay_save(act="create_tag", arguments={"account_id": account.pk, "name": "Mine"}, due_at=LATER)
        made = delay_save(act="create_customer", arguments=new, due_at=LATER)
        dropped = delay_save(act="create_customer", arguments=new | {"name": "Geyser"}, due_at=LATER)
    with acting(replace(olaf_now(), may=rights_over(olaf_now(), dropped))):
        assert cancel_delayed_save(delayed_save_id=dropped.pk).state == "canceled"
    stranger = Actor("eve@demo.example", frozenset({"*"}), "x", "user", olaf.pk + 1, reach=frozenset({customer.pk}))
    with acting(stranger), pytest.raises(NotFound):
        cancel_delayed_save(delayed_save_id=made.pk)
    same = ("account_id", "table_name", "before", "after", "author_id", "author")
    DelayedSave.objects.create(
        **{name: getattr(made, name) for name in same},
        act="create_tag", arguments={"account_id": account.pk, "name": "Mine"}, row_id=0, title="Tag", due_at=LATER,
    )  # fmt: skip
    assert run_due(LATER) == 2
    assert now(made) == ("done", "")
    assert Customer.objects.get(name="Fjord").parent_id == nordic.pk
    assert DelayedSave.objects.get(act="create_tag").state == "refused", "the area is not a reseller's"
    with acting(olaf_now()):
        later, other = (
            delay_save(act="create_customer", arguments=new | {"name": name}, due_at=LATER)
            for name in ("Geyser", "Ice")
        )
    User.objects.filter(pk=olaf.pk).update(reseller_id=customer.pk)
    with acting(replace(olaf_now(), may=OWN_RIGHTS, reseller_id=customer.pk, reach=frozenset())):
        assert cancel_delayed_save(delayed_save_id=other.pk).state == "canceled", "one's own always"
    run_due(LATER)
    assert now(later)[0] == "refused", "it is done within his reach of that moment"


def test_what_ended_is_forgotten_after_ninety_days_unless_a_hold_keeps_it(ann: User, customer: Customer) -> None:
    waits, over, held = (put_off(ann, customer, channels=channels) for channels in (7, 8, 9))
    for saved in (over, held):
        cancel_delayed_save(delayed_save_id=saved.pk)
    other = create_customer(account_id=customer.account_id, name="Baltic", currency="EUR")
    DelayedSave.objects.filter(pk=held.pk).update(customer=other)
    place_legal_hold(customer_id=other.pk, reason="case 7")
    ended_at = DelayedSave.objects.get(pk=over.pk).finished_at
    assert ended_at is not None
    assert forget_old(ended_at + timedelta(days=90)) == 0
    assert forget_old(ended_at + timedelta(days=90, seconds=1)) == 1
    assert set(DelayedSave.objects.all()) == {waits, held}
