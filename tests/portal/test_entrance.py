"""Claims about the ways into the portal: who gets in, who does not, and that nobody learns why."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client, override_settings

from tests.panel.cast import PASSWORD
from tests.portal.cast import HERE, SETUP, PortalCast, knock, link_in, newest_mail, visiting
from tollgate.actions.acts import acting
from tollgate.actions.contacts import create_contact, update_contact
from tollgate.actions.portal_access import WRONG, Opened, Refused, forget_old
from tollgate.actions.portal_passwords import send_password_link, set_contact_password
from tollgate.core import totp
from tollgate.store.models import (
    Account,
    Audit,
    Code,
    Contact,
    ContactSession,
    Customer,
    LoginDelay,
    Message,
    PortalDomain,
)

pytestmark = pytest.mark.django_db
LOGIN = {"email": "carla@acme.example", "password": PASSWORD}
GOOD = "a quite different phrase"


def verbs(contact: Contact) -> list[str]:
    """What the audit log tells of a contact's logins, oldest first."""
    events = Audit.objects.filter(table_name="contact", row_id=contact.pk, verb__in=("LOGIN", "LOGIN_FAILED", "LOGOUT"))
    return list(events.order_by("id").values_list("verb", flat=True))


def test_a_contact_comes_in_looks_and_leaves(cast: PortalCast) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.get("/portal/")["Location"].startswith("/portal/login/?next=")
    page = browser.get("/portal/login/?next=/portal/calls/")
    assert browser.post("/portal/login/", LOGIN).status_code == 403, "without the token of the page"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert token is not None
    answer = browser.post("/portal/login/?next=/portal/calls/", LOGIN | {"csrfmiddlewaretoken": token[1]})
    assert answer["Location"] == "/portal/calls/"
    cookie = answer.cookies["tollgate_portal"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/portal/")
    assert not ContactSession.objects.filter(key_hash=cookie.value).exists(), "only a hash is kept"
    page = browser.get("/portal/calls/")
    assert page.status_code == 200
    assert "unsafe" not in page["Content-Security-Policy"]
    assert browser.get("/customers/").status_code == 302, "the panel is another door"
    leave = Client()
    leave.cookies["tollgate_portal"] = cookie.value
    assert leave.post("/portal/logout/")["Location"] == "/portal/login/"
    assert browser.get("/portal/calls/").status_code == 302
    assert verbs(cast.carla) == ["LOGIN", "LOGOUT"]
    assert Client().post("/portal/login/?next=//evil.example/", LOGIN)["Location"] == "/portal/"


def test_wrong_in_any_way_is_answered_alike(cast: PortalCast) -> None:
    update_contact_as_setup(cast.dan, login_enabled=False)
    for given in (
        LOGIN | {"password": "not this one"},
        {"email": "nobody@acme.example", "password": PASSWORD},
        {"email": "Dan@baltic.example", "password": PASSWORD},
    ):
        answer = Client().post("/portal/login/", given)
        assert (answer.status_code, answer.context["form"].non_field_errors()) == (422, [WRONG]), given
    unknown = Audit.objects.filter(verb="LOGIN_FAILED", row_id=0).get()
    assert (unknown.actor, unknown.ip, unknown.after) == (
        "nobody@acme.example", HERE, {"why": "unknown email", "domain": 0},
    )  # fmt: skip


def update_contact_as_setup(contact: Contact, **changes: object) -> Contact:
    """A change by an operator."""
    with acting(SETUP):
        return update_contact(contact_id=contact.pk, **changes)  # type: ignore[arg-type]


def test_a_customers_number_stands_for_the_email_of_its_only_login_and_for_no_other(cast: PortalCast) -> None:
    number = cast.panel.acme.number
    assert Client().post("/portal/login/", {"email": number, "password": PASSWORD})["Location"] == "/portal/"
    assert knock(number, "not this one") == Refused(WRONG)
    waiting = LoginDelay.objects.get(key__startswith="email:", failures_count=1)
    assert waiting.key.endswith("carla@acme.example"), "guessed by number or by email, it is one login"
    LoginDelay.objects.all().delete()
    assert knock(number, domain_id=7) == Refused(WRONG), "not at another domain"
    with acting(SETUP):
        other = create_contact(customer_id=cast.panel.acme.pk, email="emil@acme.example", first_name="Emil")
        LoginDelay.objects.all().delete()
        assert isinstance(knock(number), Opened), "who has no password yet does not count"
        set_contact_password(contact_id=other.pk, password=GOOD, must_change=False)
    assert knock(number) == Refused(WRONG)
    assert knock(number, GOOD) == Refused("Too many attempts: try again in 1 s.")
    LoginDelay.objects.all().delete()
    assert knock(number, GOOD) == Refused(WRONG), "of two people neither is meant"


def test_each_failure_doubles_the_wait_for_known_and_unknown_alike(cast: PortalCast) -> None:
    for email in ("carla@acme.example", "nobody@acme.example"):
        at, waits = datetime(2026, 1, 1, tzinfo=UTC), []
        for _ in range(12):
            assert knock(email, "wrong", at=at, ip="192.0.2.1") == Refused(WRONG)
            delay = LoginDelay.objects.get(key=f"email:0:{email}")
            early = knock(email, PASSWORD, at=delay.until_at - timedelta(milliseconds=1), ip="192.0.2.200")
            assert early == Refused("Too many attempts: try again in 1 s.")
            waits.append((delay.until_at - at).seconds)
            at = LoginDelay.objects.get(key="ip:192.0.2.1").until_at
            at = max(at, delay.until_at)
        assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
        LoginDelay.objects.filter(key__startswith="ip:").delete()
    assert isinstance(knock("carla@acme.example", at=at), Opened)
    assert isinstance(knock("carla@acme.example", at=at), Opened), "a login ends the wait"


def test_an_address_waits_whoever_it_pretends_to_be(cast: PortalCast) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(11):
        knock(f"guess{number}@acme.example", "wrong", at=at, ip="192.0.2.1")
    assert knock("dan@baltic.example", at=at, ip="192.0.2.1") == Refused("Too many attempts: try again in 1 s.")
    assert isinstance(knock("dan@baltic.example", at=at, ip="192.0.2.2"), Opened)


def test_what_is_over_is_forgotten_and_what_is_not_stays(cast: PortalCast) -> None:
    at = datetime.now(UTC)
    knock("guess@acme.example", "wrong", at=at)
    with acting(SETUP):
        send_password_link(contact_id=cast.dan.pk)
    old = visiting(cast.carla)
    left = ((1, (1, 2, 1)), (3, (1, 0, 0)), (91, (0, 0, 0)))
    for days, counts in left:
        forget_old(at + timedelta(days=days))
        found = (
            ContactSession.objects.count(),
            LoginDelay.objects.filter(failures_count=1).count(),
            Code.objects.count(),
        )
        assert found == counts, days
    assert old.get("/portal/dashboard/").status_code == 302


def test_only_listed_addresses_get_in_and_stay_in(cast: PortalCast) -> None:
    update_contact_as_setup(cast.carla, allowed_networks=["192.0.2.0/28", "2001:db8::/48"])
    for ip, opens in (("192.0.2.15", True), ("2001:db8::7", True), ("192.0.2.16", False), ("127.0.0.1", False)):
        answer = Client(REMOTE_ADDR=ip).post("/portal/login/", LOGIN)
        assert (answer.status_code == 302) is opens, ip
        LoginDelay.objects.all().delete()
    forged = Client(REMOTE_ADDR="192.0.2.99", headers={"X-Forwarded-For": "192.0.2.1"})
    assert forged.post("/portal/login/", LOGIN).status_code == 422, "no proxy of ours said so"
    LoginDelay.objects.all().delete()
    with override_settings(BEHIND_PROXY=True):
        assert forged.post("/portal/login/", LOGIN).status_code == 302
    browser = visiting(cast.carla, ip="192.0.2.1")
    assert browser.get("/portal/dashboard/", REMOTE_ADDR="192.0.2.2").status_code == 200
    assert browser.get("/portal/dashboard/", REMOTE_ADDR="203.0.113.7").status_code == 302
    assert browser.get("/portal/dashboard/", REMOTE_ADDR="192.0.2.2").status_code == 302, "the session has ended"
    last = Audit.objects.filter(verb="LOGIN_FAILED", row_id=cast.carla.pk).latest("id")
    assert (last.ip, last.after["why"]) == ("203.0.113.7", "address of an open session")
    assert last.customer_id == cast.panel.acme.pk
    dan = visiting(cast.dan)
    assert dan.get("/portal/dashboard/").status_code == 200, "an empty list lets everybody in"
    update_contact_as_setup(cast.dan, allowed_networks=["192.0.2.1"])
    assert dan.get("/portal/dashboard/").status_code == 302, "a list holds from the next request on"


def test_a_link_sets_a_password_once(cast: PortalCast) -> None:
    before = visiting(cast.carla)
    with acting(SETUP):
        send_password_link(contact_id=cast.carla.pk)
    first = link_in(newest_mail("set_password"))
    with acting(SETUP):
        send_password_link(contact_id=cast.carla.pk)
    mail = newest_mail("set_password")
    link, token = link_in(mail), link_in(mail).split("/")[-2]
    assert mail.secret
    assert token not in mail.text, "sealed in the database"
    assert not Code.objects.filter(secret_hash__contains=token).exists()
    assert Client().get(first).status_code == 410, "a newer link takes the place of an older one"
    browser = Client()
    for _ in range(2):
        assert browser.get(link).status_code == 200, "mail programs look at links too"
    for bad in ("short", "password123", "carla@acme.example"):
        assert browser.post(link, {"password": bad, "again": bad}).status_code == 422, bad
    assert browser.post(link, {"password": GOOD, "again": GOOD + "x"}).status_code == 422
    assert browser.post(link, {"password": GOOD, "again": GOOD})["Location"] == "/portal/login/"
    assert browser.get(link).status_code == 410
    assert browser.post(link, {"password": PASSWORD, "again": PASSWORD}).status_code == 410
    assert before.get("/portal/dashboard/").status_code == 302, "sessions of the old password have ended"
    assert browser.post("/portal/login/", LOGIN).status_code == 422
    LoginDelay.objects.all().delete()
    assert browser.post("/portal/login/", LOGIN | {"password": GOOD}).status_code == 302
    cast.carla.refresh_from_db()
    assert cast.carla.email_verified_how == "code", "the link reached the email"
    assert newest_mail("password_changed").contact == cast.carla
    assert GOOD not in str(list(Audit.objects.values_list("after", flat=True)))


def test_a_link_is_good_for_a_day_and_for_the_listed_addresses(cast: PortalCast) -> None:
    with acting(SETUP):
        send_password_link(contact_id=cast.carla.pk)
        update_contact(contact_id=cast.carla.pk, allowed_networks=["192.0.2.1"])
    link = link_in(newest_mail("set_password"))
    assert Client().get(link).status_code == 410
    browser = Client(REMOTE_ADDR="192.0.2.1")
    assert browser.get(link).status_code == 200
    code = Code.objects.get(used_at=None)
    assert timedelta(hours=23, minutes=59) < code.expires_at - code.created_at <= timedelta(hours=24)
    Code.objects.update(expires_at=datetime.now(UTC))
    assert browser.get(link).status_code == 410
    with acting(SETUP):
        send_password_link(contact_id=cast.carla.pk)
        update_contact(contact_id=cast.carla.pk, email="carla@new.example")
    assert browser.get(link_in(newest_mail("set_password"))).status_code == 410, "it went to the old email"


def test_who_forgot_is_told_the_same_whether_known_or_not(cast: PortalCast) -> None:
    answers = []
    for email in ("carla@acme.example", "nobody@acme.example", "carla@acme.example"):
        page = Client().post("/portal/forgot/", {"email": email}, follow=True).content.decode()
        answers.append(re.sub(r'value="\w{64}"|\{"X-CSRFToken": "\w+"\}', "", page))
    assert len(set(answers)) == 1
    assert "is on its way" in answers[0]
    assert Code.objects.filter(purpose="set_password").count() == 1, "one mail a minute"


def test_a_password_typed_by_an_operator_has_to_be_changed_first(cast: PortalCast) -> None:
    old = visiting(cast.carla)
    with acting(SETUP):
        set_contact_password(contact_id=cast.carla.pk, password=GOOD)
    assert old.get("/portal/dashboard/")["Location"].startswith("/portal/login/"), "the session has ended"
    browser = Client()
    browser.post("/portal/login/", LOGIN | {"password": GOOD})
    for page in ("/portal/dashboard/", "/portal/contacts/", "/portal/security/"):
        assert browser.get(page)["Location"] == "/portal/security/password/"
    new = {"old_password": GOOD, "password": PASSWORD, "again": PASSWORD}
    assert browser.post("/portal/security/password/", new | {"old_password": "wrong"}).status_code == 422
    assert browser.post("/portal/security/password/", new).status_code == 422, "a guess makes the next wait"
    assert verbs(cast.carla)[-1] == "LOGIN_FAILED"
    LoginDelay.objects.all().delete()
    assert browser.post("/portal/security/password/", new | {"password": GOOD, "again": GOOD}).status_code == 422
    assert browser.post("/portal/security/password/", new).status_code == 302
    assert browser.get("/portal/dashboard/").status_code == 200, "this session stays"


def test_the_second_factor_is_asked_for_and_no_code_opens_twice(cast: PortalCast) -> None:
    browser = visiting(cast.carla)
    page = browser.get("/portal/security/second-factor/")
    secret, signed = page.context["secret"], page.context["form"]["secret"].value()
    assert page.context["picture"].startswith("data:image/svg+xml,")
    step = totp.step_of(datetime.now(UTC))
    assert browser.post("/portal/security/second-factor/", {"secret": signed, "code": "000"}).status_code == 422
    given = {"secret": signed, "code": totp.code(secret, step)}
    codes = browser.post("/portal/security/second-factor/", given).context["codes"]
    assert len(codes) == 10
    carla = Contact.objects.get(pk=cast.carla.pk)
    assert secret not in carla.totp_secret
    assert codes[0].replace("-", "") not in carla.recovery_hashes

    def log_in_with(code: str) -> int:
        fresh = Client()
        answer = fresh.post("/portal/login/", LOGIN)
        assert answer.status_code == 200
        assert "tollgate_portal" not in answer.cookies, "the password alone opens nothing"
        token = answer.context["form"]["token"].value()
        status = fresh.post("/portal/login/code/", {"token": token, "code": code}).status_code
        LoginDelay.objects.all().delete()
        return status

    shown = totp.code(secret, totp.step_of(datetime.now(UTC)))
    assert log_in_with("123") == 422
    assert log_in_with(shown) == 302
    assert log_in_with(shown) == 422, "whoever looked over the shoulder comes too late"
    assert log_in_with(codes[3].upper()) == 302
    assert log_in_with(codes[3]) == 422
    for guess in ("wrong", PASSWORD):
        page = browser.post("/portal/security/second-factor/off/", {"password": guess})
        assert page.status_code == 422, "a guess makes the next wait"
    LoginDelay.objects.all().delete()
    off = "/portal/security/second-factor/off/"
    for code in ("", "000000", codes[3]):
        assert browser.post(off, {"password": PASSWORD, "code": code}).status_code == 422, "the password is not enough"
        LoginDelay.objects.all().delete()
    assert browser.post(off, {"password": PASSWORD, "code": codes[5]}).status_code == 302
    told = [mail.text.splitlines()[2] for mail in Message.objects.filter(template="factor_changed").order_by("id")]
    assert [words.partition(".")[0] for words in told] == [
        "an authenticator app was set up",
        "a recovery code was used, 9 are left",
        "a recovery code was used, 8 are left",
        "the authenticator app and its recovery codes were taken away",
    ]
    assert Client().post("/portal/login/", LOGIN).status_code == 302


def test_the_customers_status_decides_what_is_open(cast: PortalCast) -> None:
    def opened() -> dict[str, int]:
        browser = visiting(cast.carla)
        return {name: browser.get(f"/portal/{name}/").status_code for name in ("dashboard", "calls", "details")}

    full = {"dashboard": 200, "calls": 200, "details": 200}
    acme = Customer.objects.filter(pk=cast.panel.acme.pk)
    assert opened() == full
    acme.update(status="pending")
    assert opened() == {"dashboard": 404, "calls": 404, "details": 200}
    acme.update(status="penalty")
    assert opened() == {"dashboard": 200, "calls": 404, "details": 200}, "all but what is owed is blocked"
    blocked = visiting(cast.carla)
    assert [blocked.get(f"/portal/{name}/").status_code for name in ("clis", "endpoints")] == [404, 404]
    assert "Your service is suspended for now" in blocked.get("/portal/dashboard/").content.decode()
    acme.update(status_until=datetime.now(UTC))
    assert opened() == full, "its time of penalty is over"
    acme.update(status_until=None)
    stays = visiting(cast.carla)
    acme.update(status="inactive")
    assert isinstance(knock(cast.carla.email), Refused)
    assert stays.get("/portal/details/").status_code == 302
    LoginDelay.objects.all().delete()
    Account.objects.update(inactive_portal=True)
    assert opened() == {"dashboard": 200, "calls": 404, "details": 200}
    acme.update(status_until=datetime.now(UTC))
    assert opened() == full, "its time of inactivity is over"
    acme.update(status="active", deleted_at=datetime.now(UTC))
    assert isinstance(knock(cast.carla.email), Refused)


def test_contacts_log_in_at_the_domain_of_their_customer_and_nowhere_else(cast: PortalCast) -> None:
    domain = PortalDomain.objects.create(
        account=cast.panel.account, host="talk.acme.example", brand="Acme Talk", color="#663399",
        sections=["dashboard", "contacts", "details"], welcome_text="Call us on Sundays",
    )  # fmt: skip
    Customer.objects.filter(pk=cast.panel.acme.pk).update(domain=domain)
    here = {"HTTP_HOST": "talk.acme.example"}
    with override_settings(ALLOWED_HOSTS=["*"]):
        assert Client().post("/portal/login/", LOGIN).status_code == 422
        LoginDelay.objects.all().delete()
        assert Client().get("/", **here)["Location"] == "/portal/"
        browser = Client(**here)
        assert "Acme Talk" in browser.get("/portal/login/").content.decode()
        assert browser.post("/portal/login/", LOGIN).status_code == 302
        page = browser.get("/portal/dashboard/").content.decode()
        assert "Call us on Sundays" in page
        assert "Calls" not in page.partition("<main")[0].partition("sidebar-menu")[2]
        assert browser.get("/portal/calls/").status_code == 404
        style = browser.get(f"/portal/brand/{domain.version}.css")
        assert (style["Content-Type"], b"#663399" in style.content) == ("text/css; charset=utf-8", True)
        moved = browser.get("/portal/dashboard/", HTTP_HOST="testserver")
        assert moved.status_code == 302, "a session belongs to its domain"
        other = Client(**here).post("/portal/login/", {"email": cast.dan.email, "password": PASSWORD})
        assert other.status_code == 422, "Dan's customer has no domain"


def test_idle_sessions_end_and_pages_that_ask_again_by_themselves_keep_none_open(cast: PortalCast) -> None:
    Account.objects.update(idle_logout_min=10)
    browser = visiting(cast.carla)
    sessions = ContactSession.objects.filter(contact=cast.carla)
    seen = datetime.now(UTC) - timedelta(minutes=9, seconds=50)
    sessions.update(seen_at=seen)
    assert browser.get("/portal/dashboard/now/", headers={"X-Tollgate-Poll": "1"}).status_code == 200
    assert sessions.get().seen_at == seen
    assert browser.get("/portal/dashboard/").status_code == 200
    assert sessions.get().seen_at > seen
    sessions.update(seen_at=datetime.now(UTC) - timedelta(minutes=10))
    assert browser.get("/portal/dashboard/").status_code == 302
    assert sessions.get().ended_at is not None
    longest = visiting(cast.carla)
    sessions.update(created_at=datetime.now(UTC) - timedelta(hours=12))
    assert longest.get("/portal/dashboard/").status_code == 302
