"""Claims about the walls: Dan never sees Acme, a user who looks in changes nothing, nobody reads without a login."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client, RequestFactory
from django.urls import URLPattern, reverse

from tests.panel.conftest import logged_in
from tests.portal.cast import PortalCast, visiting
from tollgate.actions.acts import ACTS, Actor, NotFound, acting, call_act
from tollgate.actions.portal_rights import PORTAL_ACTS, SAME_RIGHT
from tollgate.actions.users import end_user_sessions
from tollgate.portal.access import visitor
from tollgate.portal.urls import urlpatterns
from tollgate.store.models import (
    ApiToken,
    Audit,
    AutoTopUp,
    CliProof,
    Code,
    Contact,
    ContactSession,
    Customer,
    Endpoint,
    Invoice,
    Payment,
    PaymentGateway,
    SignInProvider,
    User,
    UserGroup,
)

pytestmark = pytest.mark.django_db
WITHOUT_LOGIN = {
    "login", "second_step", "sign_in", "signed_in", "logout", "forgot", "set_password", "enter", "brand", "sheet",
    "logo",
}  # fmt: skip
OF_ACME = ("Acme", "acme", "Carla", "198.51.100.7<", "37061234567", "442079460001", "37052070001")


def addresses(cast: PortalCast) -> Iterator[tuple[str, str, bool]]:
    """Every address with the ids of Acme's records in it, and whether it has any."""
    session = ContactSession.objects.filter(contact=cast.carla).latest("id")
    known = {
        "payment_id": Payment.objects.filter(customer=cast.panel.acme).earliest("id").pk,
        "token_id": ApiToken.objects.get_or_create(contact_id=cast.carla.pk, name="t", secret_hash="0" * 64)[0].pk,
        "contact_id": cast.carla.pk, "endpoint_id": cast.panel.ip_endpoint.pk, "session_id": session.pk,
        "invoice_id": Invoice.objects.earliest("id").pk, "what": "email", "token": "none", "version": 1,
        "cli_proof_id": CliProof.objects.get().pk, "way": "call", "provider_id": SignInProvider.objects.get().pk,
        "first": "2026-11-01", "last": "2026-11-30",
    }  # fmt: skip
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        wanted = pattern.pattern.converters
        address = reverse(f"portal:{pattern.name}", kwargs={name: known[name] for name in wanted})
        yield str(pattern.name), address, any(name.endswith("_id") for name in wanted)


def records() -> tuple[list[int], int]:
    """What a stranger's POST could have changed."""
    return list(Contact.objects.order_by("pk").values_list("version", flat=True)), Endpoint.objects.count()


def test_dan_never_sees_acme(cast: PortalCast) -> None:
    visiting(cast.carla)
    Customer.objects.update(ip_management=True)
    dan, seen = visiting(cast.dan), set()
    before = records()
    for name, address, of_acme in addresses(cast):
        if name in WITHOUT_LOGIN:
            continue
        for answer in (dan.get(address), dan.get(f"{address}?q=a&f.from=2020-01-01"), dan.post(address)):
            assert not of_acme or answer.status_code in (404, 405), (name, answer.status_code)
            if answer.status_code == 200:
                seen.add(name)
            page = answer.getvalue().decode(errors="replace")
            assert not [words for words in OF_ACME if words in page], name
    assert {"dashboard", "calls", "invoices", "contacts", "details", "endpoints", "dids", "clis", "security"} <= seen
    assert records() == before
    carlas = visiting(cast.carla)
    for name, address, of_acme in addresses(cast):
        if of_acme and name in ("contact", "endpoint", "invoice_pdf"):
            assert carlas.get(address).status_code == 200, "the same address opens for Acme"


def test_nobody_reads_without_a_login(cast: PortalCast) -> None:
    visiting(cast.carla)
    for name, address, _ in addresses(cast):
        if name not in WITHOUT_LOGIN:
            for answer in (Client().get(address), Client().post(address), logged_in(cast.panel.ann).get(address)):
                assert answer.status_code == 405 or answer["Location"].startswith("/portal/login/"), name


def test_a_post_without_its_token_is_refused(cast: PortalCast) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = visiting(cast.carla).cookies
    for name, address, _ in addresses(cast):
        assert name in ("brand", "sheet", "logo", "enter") or strict.post(address).status_code == 403, name


def test_private_notes_and_what_the_operator_buys_never_reach_the_portal(cast: PortalCast) -> None:
    Contact.objects.filter(pk=cast.carla.pk).update(private_notes="pays late", public_notes="Prefers mail")
    carla = visiting(cast.carla)
    pages = {name: carla.get(address) for name, address, _ in addresses(cast) if name not in WITHOUT_LOGIN}
    texts = {name: page.getvalue().decode(errors="replace") for name, page in pages.items() if page.status_code == 200}
    texts["export"] = carla.get("/portal/calls/?f.from=2020-01-01&export=csv").getvalue().decode()
    for name, text in texts.items():
        assert not [words for words in ("pays late", "Cirrus", "0.012", "profit", "Baltic") if words in text], name
    assert "Prefers mail" in texts["details"]
    assert "Prefers mail" in texts["contact"]
    assert "442079460001" in texts["calls"]
    assert "442079460001" in texts["export"]


def test_a_user_looks_in_once_within_five_minutes_and_is_named(cast: PortalCast) -> None:
    ann = logged_in(cast.panel.ann)
    page = f"/contacts/{cast.carla.pk}/portal/"
    address = ann.post(page, {"read_only": "on"})["Location"].removeprefix("http://testserver")
    looking = Client()
    assert looking.get(address)["Location"] == "/portal/"
    assert Client().get(address).status_code == 410, "the address works once"
    late = ann.post(page, {"read_only": "on"})["Location"].removeprefix("http://testserver")
    code = Code.objects.get(purpose="impersonate", used_at=None)
    assert code.expires_at - code.created_at <= timedelta(minutes=5)
    Code.objects.filter(pk=code.pk).update(expires_at=code.created_at)
    assert Client().get(late).status_code == 410, "and for five minutes"
    shown = looking.get("/portal/dashboard/").content.decode()
    assert "ann@demo.example" in shown
    assert "Carla" in shown
    before = Contact.objects.get(pk=cast.carla.pk).version
    for name, place, _ in addresses(cast):
        if name not in WITHOUT_LOGIN:
            assert looking.post(place).status_code in (403, 405), name
    assert Contact.objects.get(pk=cast.carla.pk).version == before
    event = Audit.objects.get(verb="IMPERSONATE")
    assert (event.actor, event.actor_kind, event.actor_id) == (
        "ann@demo.example as carla@acme.example", "user", cast.panel.ann.pk,
    )  # fmt: skip
    assert logged_in(cast.panel.bob).post(page).status_code == 403
    assert logged_in(cast.panel.bob).get(page).status_code == 403


def test_what_a_user_does_in_a_contacts_name_is_audited_as_that(cast: PortalCast) -> None:
    ann = logged_in(cast.panel.ann)
    acting_for = Client()
    acting_for.get(ann.post(f"/contacts/{cast.carla.pk}/portal/")["Location"])
    given = {"first_name": "Carla", "last_name": "Rossi", "kind": "billing", "version": cast.carla.version}
    assert acting_for.post(f"/portal/contacts/{cast.carla.pk}/", given).status_code == 302
    row = Audit.objects.filter(table_name="contact", row_id=cast.carla.pk, verb="UPDATE").latest("id")
    assert (row.actor, row.actor_kind, row.actor_id, row.ip) == (
        "ann@demo.example as carla@acme.example", "user", cast.panel.ann.pk, "127.0.0.1",
    )  # fmt: skip
    new = {"old_password": "correct horse battery", "password": "some other words", "again": "some other words"}
    assert acting_for.post("/portal/security/password/", new).status_code == 403, "only Carla herself"
    for own in (
        "security/second-factor/",
        "security/recovery-codes/",
        "details/email/",
        "details/email/code/",
        "theme/",
    ):
        assert acting_for.post(f"/portal/{own}").status_code == 403, own
    cast.panel.ann.is_active = False
    cast.panel.ann.save()
    assert acting_for.get("/portal/dashboard/").status_code == 302, "the user is gone, and so is the look"


def test_a_look_ends_with_what_allowed_it(cast: PortalCast) -> None:
    """Each way: done, and taken back for the next."""
    panel, ann = cast.panel, User.objects.filter(pk=cast.panel.ann.pk)
    groups, acme = UserGroup.objects.filter(pk=panel.group.pk), Customer.objects.filter(pk=panel.acme.pk)
    ways = {
        "right": (lambda: groups.update(acts=["update_contact"]), lambda: groups.update(acts=["*"])),
        "address": (lambda: ann.update(allowed_networks=["192.0.2.1"]), lambda: ann.update(allowed_networks=[])),
        "reach": (lambda: ann.update(reseller_id=panel.baltic.pk), lambda: ann.update(reseller_id=None)),
        "sessions": (lambda: _end_sessions(panel.ann), None),
        "logout": (None, None),
    }
    for name, (begin, end) in ways.items():
        browser, looking, unused = logged_in(ann.get()), Client(), Client()
        page = f"/contacts/{cast.carla.pk}/portal/"
        looking.get(browser.post(page, {"read_only": "on"})["Location"])
        link = browser.post(page, {"read_only": "on"})["Location"]
        assert looking.get("/portal/dashboard/").status_code == 200, name
        if begin is None:
            browser.post("/account/logout/")
        else:
            begin()
        assert looking.get("/portal/dashboard/").status_code == 302, name
        assert unused.get(link).status_code == 410, name
        if end is not None:
            end()
            assert looking.get("/portal/dashboard/").status_code == 302, "what has ended stays so"
    acme.update(parent_id=panel.baltic.pk)
    ann.update(reseller_id=panel.baltic.pk)
    looking = Client()
    looking.get(logged_in(ann.get()).post(page)["Location"])
    assert looking.get("/portal/dashboard/").status_code == 200, "a customer of the reseller is in reach"


def _end_sessions(user: User) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        end_user_sessions(user_id=user.pk)


def test_looking_in_gives_no_right_that_the_panel_does_not(cast: PortalCast) -> None:
    UserGroup.objects.filter(pk=cast.panel.group.pk).update(acts=["impersonate_contact", "update_endpoint"])
    Customer.objects.filter(pk=cast.panel.acme.pk).update(ip_management=True)
    looking = Client()
    looking.get(logged_in(cast.panel.ann).post(f"/contacts/{cast.carla.pk}/portal/")["Location"])
    given = {"first_name": "Eve", "email": "eve@acme.example", "kind": "noc", "network": "203.0.113.77", "name": "x"}
    for page in ("contacts/new/", "endpoints/new/"):
        assert looking.post(f"/portal/{page}", given).status_code == 403, page
    kept = cast.panel.ip_endpoint
    change = {"network": "198.51.100.8", "name": "office", "version": kept.version}
    assert looking.post(f"/portal/endpoints/{kept.pk}/", change).status_code == 302, "this right she has"
    assert {*SAME_RIGHT, *SAME_RIGHT.values()} <= ACTS.keys()


def test_the_acts_themselves_find_nothing_of_others_for_a_contact(cast: PortalCast) -> None:
    request = RequestFactory().get("/portal/", REMOTE_ADDR="127.0.0.1")
    request.COOKIES["tollgate_portal"] = visiting(cast.dan).cookies["tollgate_portal"].value
    dan = visitor(request)
    assert dan is not None
    carla, before, of_acme = {"contact_id": cast.carla.pk}, records(), {"customer_id": cast.panel.acme.pk}
    stored = AutoTopUp.objects.create(
        account=cast.panel.account,
        gateway=PaymentGateway.objects.get(),
        method_sealed="x",
        method_label="Visa",
        **of_acme,
    )
    foreign: dict[str, dict[str, object]] = {
        "update_contact": {**carla, "first_name": "Eve"},
        "create_contact": {"customer_id": cast.panel.acme.pk, "email": "eve@evil.example", "first_name": "Eve"},
        "create_own_ip_endpoint": {"customer_id": cast.panel.acme.pk, "network": "203.0.113.50"},
        "update_own_ip_endpoint": {"endpoint_id": cast.panel.ip_endpoint.pk, "name": "mine"},
        "delete_own_endpoint": {"endpoint_id": cast.panel.ip_endpoint.pk},
        "send_contact_code": {**carla, "what": "email"},
        "verify_contact_by_code": {**carla, "what": "email", "code": "000000"},
        "change_own_password": {**carla, "old_password": "a", "password": "b"},
        "confirm_second_factor": {**carla, "secret": "A" * 32, "code": "0", "at": "2026-01-01T00:00:00Z"},
        "use_recovery_code": {**carla, "code": "a"},
        "start_checkout": {**of_acme, "gateway": "stripe", "amount_micros": 10_000_000, "currency": "EUR"},
        "tell_bank_transfer": {**of_acme, "amount_micros": 10_000_000},
        "cancel_bank_transfer": {"payment_id": Payment.objects.filter(**of_acme).earliest("id").pk},
        "redeem_voucher": {**of_acme, "code": "A"},
        "update_auto_top_up": {"auto_top_up_id": stored.pk, "enabled": False},
        "delete_auto_top_up": {"auto_top_up_id": stored.pk},
        "create_contact_token": {**carla, "name": "mine", "scopes": ["*"]},
        "revoke_contact_token": {**carla, "token_id": 1},
        "start_cli_proof": {**of_acme, **carla, "number": "+442079460123", "way": "sms"},
        "type_cli_code": {"cli_proof_id": CliProof.objects.get().pk, "code": "000000"},
    }
    alone: dict[str, dict[str, object]] = {name: {**carla} for name in PORTAL_ACTS - foreign.keys()}
    for name, given in (foreign | alone).items():
        with acting(dan.actor()), pytest.raises(NotFound):
            call_act(name, given)
    assert records() == before


def test_a_contact_may_do_acts_that_exist_and_no_others() -> None:
    assert set(ACTS) >= PORTAL_ACTS
