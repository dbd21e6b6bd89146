"""Claims about logging in by a provider, a real one in its own process: users at the panel, contacts at the portal."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from fido2.utils import websafe_encode
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.gateways.openid import Provider, provider_process
from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.contacts import update_contact
from tollgate.actions.portal_domains import create_portal_domain
from tollgate.actions.portal_factors import confirm_second_factor
from tollgate.actions.sign_in import create_sign_in_provider, update_sign_in_provider
from tollgate.actions.users import update_user
from tollgate.core import totp
from tollgate.gateways.sign_in import SignInFailed, public_keys, verified
from tollgate.store.models import Audit, Contact, ContactSession, Customer, LoginDelay, SignInLink, SignInProvider, User

pytestmark = pytest.mark.django_db
SETUP = Actor("setup", frozenset({"*"}))
APP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    """The provider's process."""
    with provider_process() as provider:
        yield provider


@pytest.fixture
def known(cast: Cast, running: Provider, monkeypatch: pytest.MonkeyPatch) -> SignInProvider:
    """The provider as the panel knows it: readers there are readers here."""
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "127.0.0.1")
    readers = cast.bob.groups.get()
    with acting(SETUP):
        return create_sign_in_provider(
            account_id=cast.account.pk,
            title="Company",
            issuer=running.issuer,
            client_id="tollgate",
            secret="well kept",
            groups=[{"claim": "ops", "group_id": cast.group.pk}, {"claim": "readers", "group_id": readers.pk}],
        )


def begun(browser: Client, page: str, wanted: str = "") -> str:
    """Where a browser is sent from a login page's link."""
    answer = browser.get(f"{page}?{urlencode({'next': wanted})}")
    assert answer.status_code == 302, page
    return str(answer["Location"])


def signed_in(browser: Client, page: str, running: Provider, subject: str, *, wanted: str = "", **here: Any) -> Any:
    """The answer to who comes back from the provider."""
    back = running.log_in(begun(browser, page, wanted), subject)
    return browser.get(back.partition("testserver")[2], **here)


def failures() -> list[str]:
    """Why logins failed, as the audit log tells, oldest first."""
    return [row.after["why"] for row in Audit.objects.filter(verb="LOGIN_FAILED").order_by("id")]


def test_a_user_comes_in_by_the_provider_as_its_verified_email_and_later_by_its_subject(
    cast: Cast, known: SignInProvider, running: Provider
) -> None:
    page, browser = reverse("sign_in", args=[known.pk]), Client()
    assert "Log in by Company" in browser.get("/account/login/").content.decode()
    asked = dict(parse_qsl(urlsplit(begun(browser, page)).query))
    assert (asked["code_challenge_method"], asked["client_id"]) == ("S256", "tollgate")
    assert asked["nonce"] not in str(browser.cookies["tollgate_sign_in"]), "only we can read what waits"
    running.put("b-1", email="bob@demo.example", email_verified=False, groups=["readers"])
    assert signed_in(browser, page, running, "b-1")["Location"] == "/account/login/"
    running.put("b-1", email="Bob@Demo.example", email_verified=True, groups=["readers", "unknown"])
    assert User.objects.get(pk=cast.bob.pk).email_verified_at is None
    answer = signed_in(browser, page, running, "b-1", wanted="/customers/")
    assert User.objects.get(pk=cast.bob.pk).email_verified_at is not None, "the provider has proved it"
    assert answer["Location"] == "/customers/"
    assert browser.get("/customers/").status_code == 200
    running.put("b-1", email="somebody@else.example", email_verified=False, groups=["ops"])
    other = Client()
    assert signed_in(other, page, running, "b-1", wanted="//evil.example/")["Location"] == "/"
    assert [group.name for group in User.objects.get(pk=cast.bob.pk).groups.all()] == ["Operators"], "as told today"
    running.put("b-1", groups=[])
    assert signed_in(other, page, running, "b-1")["Location"] == "/"
    assert other.get("/customers/").status_code == 403, "no group, no rights"
    User.objects.filter(pk=cast.bob.pk).update(password_must_change=True)
    assert other.get("/me/").status_code == 200, "who has shown no password is asked for none"
    assert logged_in(cast.bob).get("/me/")["Location"] == reverse("panel:own_password")
    User.objects.filter(pk=cast.bob.pk).update(password_must_change=False)
    running.put("b-2", email="bob@demo.example", email_verified=True, groups=["ops"])
    signed_in(Client(), page, running, "b-2")
    running.put("x-1", email="new@demo.example", email_verified=True, groups=["ops"])
    signed_in(Client(), page, running, "x-1")
    assert failures() == ["email not verified", "email of another subject", "unknown subject"]
    assert SignInLink.objects.get().subject == "b-1"
    by = Audit.objects.filter(table_name="sign_in_link").latest("id")
    assert (by.actor, str(by.ip)) == ("Company: b-1", "127.0.0.1"), "never an email that nobody has verified"
    ann, user_page = logged_in(cast.ann), reverse("panel:user", args=[cast.bob.pk])
    assert "Forget provider logins" in ann.get(user_page).content.decode()
    ann.post(f"{user_page}links/forget/")
    assert not SignInLink.objects.exists()
    assert Audit.objects.filter(verb="LOGIN").latest("id").after == {"provider": "Company"}
    left = other.post("/account/logout/")
    assert left["Location"] == reverse("signed_out", args=[known.pk])
    assert "/oauth2/end_session?client_id=tollgate" in other.get(left["Location"]).content.decode()


def test_users_are_made_at_their_first_login_where_that_is_chosen(
    cast: Cast, known: SignInProvider, running: Provider
) -> None:
    page = reverse("sign_in", args=[known.pk])
    with acting(SETUP):
        update_sign_in_provider(provider_id=known.pk, creates_users=True)
    running.put("n-1", email="New@Demo.example", name="Nora", groups=["readers"])
    assert signed_in(Client(), page, running, "n-1")["Location"] == "/account/login/"
    assert not User.objects.filter(email="new@demo.example").exists(), "this may be anybody's email"
    with acting(SETUP):
        update_sign_in_provider(provider_id=known.pk, trusts_emails=True)
    browser = Client()
    assert signed_in(browser, page, running, "n-1").status_code == 302
    nora = User.objects.get(email="new@demo.example")
    assert (nora.name, nora.has_usable_password(), nora.reseller_id) == ("Nora", False, None)
    assert browser.get("/customers/").status_code == 200
    assert browser.get("/customers/new/").status_code == 403
    running.put("n-2", name="Nobody", groups=["ops"])
    signed_in(Client(), page, running, "n-2")
    assert failures() == ["email not verified", "unknown subject"], "without an email there is no user"


def test_what_keeps_a_password_out_keeps_a_provider_out(cast: Cast, known: SignInProvider, running: Provider) -> None:
    page = reverse("sign_in", args=[known.pk])
    running.put("b-1", email="bob@demo.example", email_verified=True, groups=["readers"])
    with acting(SETUP):
        update_user(user_id=cast.bob.pk, allowed_networks=["192.0.2.0/24"])
    assert signed_in(Client(), page, running, "b-1")["Location"] == "/account/login/"
    browser = Client(REMOTE_ADDR="192.0.2.9")
    assert signed_in(browser, page, running, "b-1")["Location"] == "/"
    assert browser.get("/customers/", REMOTE_ADDR="198.51.100.1").status_code == 302, "each request is looked at"
    session = Client(REMOTE_ADDR="192.0.2.9")
    TOTP.activate(cast.bob, APP)
    assert signed_in(session, page, running, "b-1")["Location"] == reverse("mfa_authenticate")
    assert session.get("/customers/").status_code == 302
    code = totp.code(APP, totp.step_of(datetime.now(UTC)))
    assert session.post(reverse("mfa_authenticate"), {"code": code}).status_code == 302
    assert session.get("/customers/").status_code == 200
    assert Audit.objects.filter(verb="LOGIN").latest("id").after == {"provider": "Company"}, "after the code as well"
    left = Client()
    waiting = left.session
    waiting["sign_in_provider"] = known.pk  # as of a login that went no further
    waiting.save()
    left.post("/account/login/", {"login": "ann@demo.example", "password": PASSWORD})
    assert Audit.objects.filter(verb="LOGIN").latest("id").after == {}
    assert left.post("/account/logout/")["Location"] == "/account/login/", "no provider was come by"
    with acting(SETUP):
        update_user(user_id=cast.bob.pk, is_active=False)
    assert session.get("/customers/").status_code == 302
    assert signed_in(Client(REMOTE_ADDR="192.0.2.9"), page, running, "b-1")["Location"] == "/account/login/"
    assert failures() == ["address not allowed", "user inactive"]


def test_only_the_answer_to_the_question_of_this_browser_is_believed(
    cast: Cast, known: SignInProvider, running: Provider
) -> None:
    page = reverse("sign_in", args=[known.pk])
    running.put("b-1", email="bob@demo.example", email_verified=True, groups=["readers"])

    def tried(change: Callable[[dict[str, str]], None] | None = None, browser: Client | None = None) -> str:
        asking = Client()
        back = urlsplit(running.log_in(begun(asking, page), "b-1"))
        given = dict(parse_qsl(back.query))
        if change:
            change(given)
        return str((browser or asking).get(f"{back.path}?{urlencode(given)}")["Location"])

    assert tried() == "/"
    assert tried(browser=Client()) == "/account/login/", "a link that somebody else began"
    assert tried(lambda given: given.update(state="x")) == "/account/login/"
    assert tried(lambda given: given.update(code="x")) == "/account/login/"
    assert tried(lambda given: given.update(error="access_denied\0<b>'")) == "/account/login/"
    assert failures()[-1] == "The provider says no: access_deniedb.", "what anybody can write is no code of an error"
    assert tried(lambda given: given.update(iss="https://other.example")) == "/account/login/"
    long_ago = int((datetime.now(UTC) - timedelta(hours=2)).timestamp())
    wrong: tuple[dict[str, Any], ...] = ({"aud": "other"}, {"nonce": "x"}, {"exp": long_ago}, {"iss": "https://other"})
    for claims in wrong:
        running.put("b-1", email="bob@demo.example", email_verified=True, groups=["ops"], **claims)
        assert tried() == "/account/login/", claims
    assert len(failures()) == 8, "who was never sent there leaves no trace"
    assert [group.name for group in cast.bob.groups.all()] == ["Readers"]


def test_a_token_that_the_provider_did_not_sign_is_refused(
    cast: Cast, known: SignInProvider, running: Provider
) -> None:
    claims = {"iss": running.issuer, "aud": "tollgate", "sub": "b-1"}
    (public,) = public_keys(running.issuer)
    bare = ".".join(websafe_encode(json.dumps(part).encode()) for part in ({"alg": "none"}, claims))
    forged = (
        jwt.encode({"alg": "RS256", "kid": str(public.get("kid", ""))}, claims, RSAKey.generate_key(2048)),
        jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(json.dumps(public))),
        f"{bare}.",
        "a.b.c",
        "",
    )
    for token in forged:
        with pytest.raises(SignInFailed, match="not signed by one of its keys"):
            verified(running.issuer, token)


def test_keys_are_asked_for_again_when_the_provider_has_new_ones(
    cast: Cast, known: SignInProvider, running: Provider
) -> None:
    port = urlsplit(running.issuer).port
    assert port is not None
    page = reverse("sign_in", args=[known.pk])
    with provider_process() as first:
        SignInProvider.objects.filter(pk=known.pk).update(issuer=first.issuer)
        again = urlsplit(first.issuer).port
        assert again is not None
        first.put("b-1", email="bob@demo.example", email_verified=True, groups=["readers"])
        assert signed_in(Client(), page, first, "b-1")["Location"] == "/"
    with provider_process(again) as second:
        second.put("b-1", email="bob@demo.example", email_verified=True, groups=["readers"])
        assert signed_in(Client(), page, second, "b-1")["Location"] == "/"
        cache.clear()


def test_a_contact_comes_in_by_the_portals_provider_and_is_held_to_the_same_rules(
    cast: Cast, known: SignInProvider, running: Provider
) -> None:
    with acting(SETUP):
        for unfit in ({"groups": [{"claim": "ops", "group_id": cast.group.pk}]}, {"groups": [], "creates_users": True}):
            with pytest.raises(Invalid) as refused:
                update_sign_in_provider(provider_id=known.pk, serves="contacts", secret="well kept", **unfit)
            assert [*refused.value.errors] == [[*unfit][-1]]
        update_sign_in_provider(provider_id=known.pk, serves="contacts", secret="well kept", groups=[])
    page = reverse("portal:sign_in", args=[known.pk])
    assert Client().get(reverse("sign_in", args=[known.pk])).status_code == 404, "no way into the panel"
    running.put("c-1", email="carla@acme.example", email_verified=False)
    browser = Client()
    assert "Log in by Company" in browser.get("/portal/login/").content.decode()
    assert signed_in(browser, page, running, "c-1")["Location"] == "/portal/login/"
    running.put("c-1", email="Carla@acme.example", email_verified=True)
    assert signed_in(browser, page, running, "c-1", wanted="/portal/calls/")["Location"] == "/portal/calls/"
    assert browser.get("/portal/calls/").status_code == 200
    with acting(SETUP):
        update_contact(contact_id=cast.contact.pk, allowed_networks=["192.0.2.1"])
    assert browser.get("/portal/calls/").status_code == 302, "the list holds for the session it opened"
    assert signed_in(Client(), page, running, "c-1")["Location"] == "/portal/login/"
    inside = Client(REMOTE_ADDR="192.0.2.1")
    assert signed_in(inside, page, running, "c-1")["Location"] == "/portal/"
    with acting(SETUP):
        code = totp.code(APP, totp.step_of(datetime.now(UTC)))
        confirm_second_factor(contact_id=cast.contact.pk, secret=APP, code=code, at=datetime.now(UTC))
    slow = Client(REMOTE_ADDR="192.0.2.1")
    step = signed_in(slow, page, running, "c-1", wanted="/portal/calls/")
    given = {
        "token": step.context["form"]["token"].value(),
        "code": totp.code(APP, totp.step_of(datetime.now(UTC)) + 1),
    }
    LoginDelay.objects.all().delete()
    assert slow.post(step.context["action"], given)["Location"] == "/portal/calls/", "the page that was wanted"
    with acting(SETUP):
        update_contact(contact_id=cast.contact.pk, login_enabled=False)
    out = Client(REMOTE_ADDR="192.0.2.1")
    assert signed_in(out, page, running, "c-1")["Location"] == "/portal/login/"
    assert "This login does not open a portal here" in out.get("/portal/login/").content.decode()
    with acting(SETUP):
        domain = create_portal_domain(account_id=cast.account.pk, host="voice.example", brand="Voice")
    Customer.objects.filter(pk=cast.acme.pk).update(domain_id=domain.pk)
    assert signed_in(out, page, running, "c-1")["Location"] == "/portal/login/"
    assert failures()[0] == "unknown subject"
    assert failures()[-3:] == ["address", "login disabled", "of another portal"]
    assert ContactSession.objects.count() == 3
    links = Contact.objects.get(pk=cast.contact.pk).sign_in_links
    assert links.get().subject == "c-1"
    ann, contact_page = logged_in(cast.ann), reverse("panel:contact", args=[cast.contact.pk])
    assert "Forget provider logins" in ann.get(contact_page).content.decode()
    ann.post(f"{contact_page}links/forget/")
    assert not links.exists()
    links.create(provider=known, subject="c-1")
    with acting(SETUP):
        update_sign_in_provider(provider_id=known.pk, domain_id=domain.pk)
    assert not links.exists(), "another portal's contacts are others"


def test_a_provider_that_does_not_answer_is_asked_again_only_after_a_while(cast: Cast, known: SignInProvider) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0.2)
        port = silent.getsockname()[1]

        def hang_up() -> None:
            silent.accept()[0].close()

        asked = Thread(target=hang_up)
        SignInProvider.objects.filter(pk=known.pk).update(issuer=f"http://127.0.0.1:{port}")
        leaving = reverse("signed_out", args=[known.pk])
        assert Client().get(leaving).status_code == 200
        with pytest.raises(TimeoutError):
            silent.accept()
        silent.settimeout(10)
        asked.start()
        for _ in range(3):
            assert Client().get(reverse("sign_in", args=[known.pk]))["Location"] == "/account/login/"
        asked.join()
        silent.settimeout(0.2)
        with pytest.raises(TimeoutError):
            silent.accept()
    assert not failures(), "nobody has tried to be somebody"
    cache.clear()


def test_only_who_may_do_everything_names_a_provider_and_none_is_asked_inside(
    cast: Cast, known: SignInProvider, ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = frozenset({"create_sign_in_provider", "update_sign_in_provider"})
    with acting(Actor("Eve", narrow, kind="user", id=cast.bob.pk)), pytest.raises(Invalid, match="everything"):
        update_sign_in_provider(provider_id=known.pk, issuer="https://evil.example")
    with acting(SETUP), pytest.raises(Invalid, match="secret again"):
        update_sign_in_provider(provider_id=known.pk, issuer="https://evil.example")
    page = reverse("panel:sign_in_provider", args=[known.pk])
    form = ann.get(page)
    shown = form.content.decode()
    assert "readers: Readers" in shown
    assert "well kept" not in shown
    assert f"http://testserver/sign-in/{known.pk}/back/" in shown
    given = {name: form.context["form"][name].value() or "" for name in form.context["form"].fields}
    with acting(SETUP):
        update_sign_in_provider(provider_id=known.pk, groups=[{"claim": "dev", "group_id": cast.group.pk}])
    assert ann.post(page, given).status_code == 409, "groups are part of what the form showed"
    given["version"] = ann.get(page).context["form"]["version"].value()
    answer = ann.post(page, given | {"title": "Our login", "groups": "ops: Operators", "secret": ""})
    assert answer.status_code == 302
    known.refresh_from_db()
    assert (known.title, known.groups.get().claim) == ("Our login", "ops")
    assert "Keys come from" in ann.post(f"{page}test/").content.decode()
    cache.clear()
    monkeypatch.setenv("TOLLGATE_MAIL_PRIVATE_HOSTS", "")
    assert "an address inside" in ann.post(f"{page}test/").content.decode()
    cache.clear()
    with acting(SETUP):
        update_sign_in_provider(provider_id=known.pk, issuer="http://93.184.216.34", secret="another")
    assert "without https" in Client().get(reverse("sign_in", args=[known.pk]), follow=True).content.decode()
    assert logged_in(cast.bob).post(f"{page}delete/", {"confirmation": "Our login"}).status_code == 403
    ann.post(f"{page}delete/", {"confirmation": "Our login"})
    assert not SignInProvider.objects.filter(title="Our login").exists()
