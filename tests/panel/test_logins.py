"""Claims about logging in to the panel: from where, after how many failures, and what the audit log tells of it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn.internal.auth import WebAuthn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.urls import reverse
from fido2.cose import ES256
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.messages import body
from tollgate.actions.tokens import create_api_token
from tollgate.actions.users import update_user
from tollgate.core import totp
from tollgate.store.models import Account, ApiToken, Audit, ContactSession, LoginDelay, Message, User

pytestmark = pytest.mark.django_db
LOGIN = "/account/login/"


def log_in(password: str, *, ip: str = "127.0.0.1", client: Client | None = None) -> int:
    """The status of a login of Ann: 302 is in."""
    client = client or Client()
    return client.post(LOGIN, {"login": "ann@demo.example", "password": password}, REMOTE_ADDR=ip).status_code


def changed(user: User, **fields: object) -> None:
    """The user with other fields, set by somebody who may."""
    with acting(Actor("setup", frozenset({"*"}))):
        update_user(user_id=user.pk, **fields)  # type: ignore[arg-type]  # named by each test


def logged() -> list[tuple[str, str | None]]:
    """What the audit log tells of logins, oldest first."""
    rows = Audit.objects.filter(verb__startswith="LOG").order_by("id")
    return [(row.verb, (row.after or {}).get("why")) for row in rows]


def test_each_failure_makes_the_next_attempt_wait(cast: Cast) -> None:
    waits = []
    for _ in range(9):
        LoginDelay.objects.update(until_at=cast.account.created_at)  # the waiting is over
        assert log_in("wrong password") == 200
        waits.append(max(row.until_at - row.failed_at for row in LoginDelay.objects.all()))
    assert waits == sorted(waits)
    assert waits[-1] > waits[-3] > timedelta(0)
    assert log_in(PASSWORD) == 200, "even the right password waits"
    LoginDelay.objects.update(until_at=cast.account.created_at)
    assert log_in(PASSWORD) == 302
    assert set(logged()[:-1]) == {("LOGIN_FAILED", "email or password")}
    assert logged()[-1] == ("LOGIN", None)


def test_a_second_factor_is_guessed_as_slowly_as_a_password(cast: Cast) -> None:
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(cast.ann, secret)
    browser, page = Client(), reverse("mfa_authenticate")

    def attempt(code: str) -> int:
        return browser.post(page, {"code": code}).status_code

    def wait_is_over() -> None:
        LoginDelay.objects.update(until_at=cast.account.created_at)

    assert log_in(PASSWORD, client=browser) == 302
    waits = []
    for _ in range(3):
        wait_is_over()
        assert attempt("abcdef") == 200
        waits.append(max(row.until_at - row.failed_at for row in LoginDelay.objects.all()))
        assert log_in(PASSWORD, client=Client()) == 200, "the password waits too"
    assert waits == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4)]
    right = totp.code(secret, totp.step_of(datetime.now(UTC)))
    assert attempt(right) == 200, "even the right code waits"
    wait_is_over()
    assert log_in(PASSWORD, client=Client()) == 302
    assert LoginDelay.objects.get(key__startswith="email:").failures_count == 3, "the password alone forgives nothing"
    assert attempt(right) == 302
    assert not LoginDelay.objects.filter(key__startswith="email:").exists()
    assert logged() == [*[("LOGIN_FAILED", "second factor")] * 3, ("LOGIN", None)]


def test_a_user_with_a_list_of_addresses_comes_from_those_alone(cast: Cast) -> None:
    changed(cast.ann, allowed_networks=["192.0.2.0/24"])
    assert log_in(PASSWORD, ip="198.51.100.9") == 200
    assert logged() == [("LOGIN_FAILED", "address not allowed")]
    LoginDelay.objects.all().delete()
    browser = Client()
    assert log_in(PASSWORD, ip="192.0.2.9", client=browser) == 302
    assert browser.get("/customers/", REMOTE_ADDR="192.0.2.10").status_code == 200
    assert browser.get("/customers/", REMOTE_ADDR="198.51.100.9").status_code == 302, "each request is looked at"
    assert browser.get("/customers/", REMOTE_ADDR="192.0.2.10").status_code == 302, "and the session is over"


def test_another_password_ends_the_sessions_opened_with_the_old_one(cast: Cast) -> None:
    here, there = logged_in(cast.ann), logged_in(cast.ann)
    own, told = reverse("panel:own_password"), "you are told by mail"
    assert told not in here.get(own).content.decode()
    User.objects.update(email_verified_at=datetime.now(UTC))
    assert told in here.get(own).content.decode()
    answer = here.post(reverse("panel:own_password"), {"old_password": PASSWORD, "password": "quite another one"})
    assert answer.status_code == 302
    assert here.get("/customers/").status_code == 200
    assert there.get("/customers/").status_code == 302
    assert Message.objects.filter(template="password_changed", recipient="ann@demo.example").exists()


def test_logged_out_everywhere_means_everywhere(cast: Cast, bob: Client) -> None:
    operator = logged_in(cast.ann)
    operator.post(reverse("panel:user_logout", args=[cast.bob.pk]))
    assert bob.get("/customers/").status_code == 302


def test_who_must_change_the_password_does_nothing_else_before(cast: Cast, bob: Client) -> None:
    changed(cast.bob, password_must_change=True)
    assert bob.get("/customers/")["Location"] == reverse("panel:own_password")
    bob.post(reverse("panel:own_password"), {"old_password": PASSWORD, "password": "quite another one"})
    assert bob.get("/customers/").status_code == 200


def test_an_idle_session_ends_after_the_minutes_of_the_account(cast: Cast) -> None:
    Account.objects.update(idle_logout_min=5)
    browser = logged_in(cast.ann)
    assert browser.get("/customers/").status_code == 200
    session = browser.session
    session["active_at_s"] -= 240
    session.save()
    assert browser.get("/customers/").status_code == 200
    session = browser.session
    session["active_at_s"] -= 330
    session.save()
    look = ContactSession.objects.create(contact=cast.contact, key_hash="a", user_id=cast.ann.pk, ip="127.0.0.1")
    own = ContactSession.objects.create(contact=cast.contact, key_hash="b", ip="127.0.0.1")
    assert browser.get("/customers/").status_code == 302
    look.refresh_from_db()
    own.refresh_from_db()
    assert look.ended_at is not None, "what Ann saw as a contact is closed with it"
    assert own.ended_at is None
    assert logged() == [("LOGOUT", "idle")]


def test_a_forgotten_password_gets_the_same_answer_whoever_asks(cast: Cast) -> None:
    told = []
    User.objects.filter(pk=cast.ann.pk).update(email_verified_at=datetime.now(UTC))
    for email in ("ann@demo.example", "nobody@demo.example"):
        answer = Client().post(reverse("panel:forgot"), {"email": email}, follow=True)
        told.append([str(message) for message in answer.context["messages"]])
    assert told[0] == told[1]
    for page in (reverse("account_login"), reverse("panel:forgot"), "/portal/login/", "/portal/forgot/"):
        assert "Forgot your password?" in Client().get(page).content.decode(), page
    assert Message.objects.filter(template="set_password").count() == 1
    assert "used before" in Client().get("/set-password/nonsense/", follow=True).content.decode()


def test_a_user_whose_password_was_typed_is_sent_the_link_that_confirms_the_email(cast: Cast, ann: Client) -> None:
    typed = {"name": "Tess", "zone": "UTC", "theme": "auto", "is_active": "on", "group_ids": cast.group.pk}
    for email, password in (("tess@demo.example", PASSWORD), ("nina@demo.example", "")):
        assert ann.post("/users/new/", {**typed, "email": email, "password": password}).status_code == 302
    sent = Message.objects.filter(recipient__in=("tess@demo.example", "nina@demo.example"))
    assert dict(sent.values_list("recipient", "template")) == {
        "tess@demo.example": "confirm_user_email", "nina@demo.example": "set_password"
    }  # fmt: skip


def test_an_email_is_confirmed_by_the_link_that_its_page_sends(cast: Cast, ann: Client) -> None:
    assert "Not confirmed" in ann.get("/me/").content.decode()
    assert "no link for a forgotten password" in ann.get(f"/users/{cast.bob.pk}/").content.decode()
    ann.post(reverse("panel:user_email", args=[cast.bob.pk]))
    assert Message.objects.filter(template="confirm_user_email").get().recipient == cast.bob.email
    ann.post(reverse("panel:own_email"))
    text = body(Message.objects.get(template="confirm_user_email", recipient=cast.ann.email)).text
    page = "/confirm-login-email/" + text.partition("/confirm-login-email/")[2].partition("/")[0] + "/"
    stranger = Client()
    assert cast.ann.email in stranger.get(page).content.decode()
    assert User.objects.get(pk=cast.ann.pk).email_verified_at is None, "programs open links too: a button follows it"
    stranger.post(page)
    assert User.objects.get(pk=cast.ann.pk).email_verified_at is not None
    assert "used before" in stranger.get(page, follow=True).content.decode()
    assert "Not confirmed" not in ann.get("/me/").content.decode()
    assert "no link for a forgotten password" not in ann.get(f"/users/{cast.ann.pk}/").content.decode()


def test_a_token_is_shown_once(cast: Cast, ann: Client) -> None:
    form = {"name": "billing", "scopes": ["read:calls", "top_up"], "expires_at": "", "allowed_networks": ""}
    page = ann.post(reverse("panel:token_new"), form)
    assert "tg_" in page.content.decode()
    assert page["Cache-Control"] == "no-store"
    own = ann.get("/me/").content.decode()
    assert "billing" in own
    assert page.context["token"].secret not in own
    ann.post(reverse("panel:token_revoke", args=[page.context["token"].row.pk]))
    assert "billing" not in ann.get("/me/").content.decode().partition("<main")[2].partition("API tokens")[2]


def test_the_tokens_of_a_user_are_ended_on_the_users_page(cast: Cast, ann: Client, bob: Client) -> None:
    with acting(Actor(cast.bob.email, frozenset({"*"}), kind="user", id=cast.bob.pk, areas=frozenset({"*"}))):
        made = create_api_token(name="billing", scopes=["read:calls"])
    page = f"/users/{cast.bob.pk}/"
    revoke = reverse("panel:user_token_revoke", args=[cast.bob.pk, made.row.pk])
    assert made.row.shown in ann.get(page).content.decode()
    assert made.secret not in ann.get(page).content.decode()
    assert revoke not in bob.get(page).content.decode()
    assert bob.post(revoke).status_code == 403
    elsewhere = reverse("panel:user_token_revoke", args=[cast.ann.pk, made.row.pk])
    assert ann.post(elsewhere).status_code == 404, "not by the page of another user"
    assert revoke in ann.get(page).content.decode()
    ann.post(revoke)
    assert ApiToken.objects.get().revoked_at is not None
    assert made.row.shown not in ann.get(page).content.decode()


def test_what_is_no_passkey_opens_nothing_and_breaks_nothing(cast: Cast) -> None:
    browser, door = Client(), reverse("mfa_login_webauthn")
    assert "request_options" in browser.get(door, headers={"accept": "application/json"}).json()
    answer = {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA", "userHandle": None}
    shaped = {"id": "AA", "rawId": "AA", "type": "public-key", "response": answer}
    for given in ([], {}, None, "x", 1, {"response": {"userHandle": "é"}}, {"response": 1}, shaped):
        assert browser.post(door, {"credential": json.dumps(given)})["Location"] == "/account/login/"
    assert browser.get("/me/").status_code == 302
    assert set(logged()) == {("LOGIN_FAILED", "passkey")}


def test_a_key_that_was_only_touched_answers_after_a_password_and_never_instead_of_it(cast: Cast) -> None:
    key = SoftKey(cast.bob)
    given = {"login": "bob@demo.example", "password": PASSWORD}
    alone, after = reverse("mfa_login_webauthn"), reverse("mfa_authenticate")
    for owned, door, wanted in ((False, alone, "/account/login/"), (False, after, "/"), (True, alone, "/")):
        browser = Client(SERVER_NAME="localhost")
        assert browser.post(LOGIN, given)["Location"] == after
        assert browser.get(after).status_code == 200, "asks, and a touch would do"
        challenge = browser.session["mfa.webauthn.state"]["challenge"]
        if door == alone:
            session = browser.session
            session.pop(LOGIN_SESSION_KEY)  # as after 15 minutes: the password is forgotten, the question is not
            session.save()
        assert browser.post(door, {"credential": key.answer(challenge, owned=owned)})["Location"] == wanted
    assert logged() == [("LOGIN_FAILED", "passkey"), ("LOGIN", None), ("LOGIN", None)]


class SoftKey:
    """A security key of somebody, in software: it signs what it is asked, with or without having seen its owner."""

    def __init__(self, user: User) -> None:
        self.key, self.handle = ec.generate_private_key(ec.SECP256R1()), user_pk_to_url_str(user).encode()
        public = ES256.from_cryptography_key(self.key.public_key())
        proof = AttestedCredentialData.create(Aaguid.NONE, b"soft key", public)
        flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT
        made = AttestationObject.create("none", AuthenticatorData.create(sha256(b"localhost"), flags, 0, proof), {})
        response = {"clientDataJSON": self.told("webauthn.create", ""), "attestationObject": websafe_encode(made)}
        WebAuthn.add(user, "Soft key", self.named(response))

    def answer(self, challenge: str, *, owned: bool) -> str:
        """The assertion, as a browser posts it."""
        flags = AuthenticatorData.FLAG.UP | (AuthenticatorData.FLAG.UV if owned else AuthenticatorData.FLAG(0))
        shown, told = AuthenticatorData.create(sha256(b"localhost"), flags, 1), self.told("webauthn.get", challenge)
        signed = self.key.sign(shown + sha256(websafe_decode(told)), ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": told, "authenticatorData": websafe_encode(shown)}
        response |= {"signature": websafe_encode(signed), "userHandle": websafe_encode(self.handle)}
        return json.dumps(self.named(response))

    def told(self, kind: str, challenge: str) -> str:
        """What a browser at localhost says of the ceremony."""
        told = {"type": kind, "challenge": challenge, "origin": "http://localhost"}
        return websafe_encode(json.dumps(told).encode())

    def named(self, response: dict[str, str]) -> dict[str, object]:
        """The response as a credential."""
        name = websafe_encode(b"soft key")
        return {"id": name, "rawId": name, "type": "public-key", "response": response}


def test_own_settings_refuse_what_cannot_be_kept(cast: Cast, ann: Client) -> None:
    answer = ann.post("/me/", {"name": "Ann\x07", "zone": "UTC"})
    assert answer.status_code == 422
    assert "control characters" in answer.content.decode()
