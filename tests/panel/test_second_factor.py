"""Claims about the second factor of users: kept sealed, needed where it is said, asked again, taken away."""

import importlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.apps import apps
from django.test import Client
from django.urls import reverse

from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.options import update_options
from tollgate.actions.tokens import create_api_token
from tollgate.actions.user_factors import reset_user_factors, spend_recovery_code
from tollgate.actions.users import create_user, update_user_group
from tollgate.core import totp
from tollgate.store.models import Audit, LoginDelay, Message, User
from tollgate.store.secrets import seal, unseal

pytestmark = pytest.mark.django_db
SETUP = Actor("setup", frozenset({"*"}))
SECRET = "JBSWY3DPEHPK3PXP"
LED = reverse("mfa_index")
Captured = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]


@pytest.fixture(autouse=True)
def proved(cast: Cast) -> None:
    """Emails that are not proved are told of nothing."""
    User.objects.update(email_verified_at=datetime.now(UTC))


def shown(secret: str = SECRET) -> str:
    """What the app shows now."""
    return totp.code(secret, totp.step_of(datetime.now(UTC)))


def mails() -> list[str]:
    """What the mails about factors say, oldest first."""
    found = Message.objects.filter(template="factor_changed").order_by("id")
    return [f"{mail.recipient}: {mail.text.splitlines()[2].partition('. ')[0]}" for mail in found]


def test_who_needs_a_second_factor_and_lets_the_days_pass_reaches_nothing_else(
    cast: Cast, django_capture_on_commit_callbacks: Captured
) -> None:
    with acting(SETUP):
        update_user_group(group_id=cast.bob.groups.get().pk, second_factor=True)
    browser = Client()
    welcome = browser.post("/account/login/", {"login": "bob@demo.example", "password": PASSWORD}, follow=True)
    assert "Set up a second factor" in welcome.content.decode()
    assert browser.get("/customers/").status_code == 200, "there are seven days"
    assert logged_in(cast.ann).get("/customers/").status_code == 200, "of another group"
    User.objects.filter(pk=cast.bob.pk).update(factor_asked_at=datetime.now(UTC) - timedelta(days=8))
    polling = {"X-Tollgate-Poll": "1"}
    assert logged_in(cast.bob).get("/customers/", headers=polling)["Location"] == LED, (
        "a page that refreshes itself too"
    )
    late = logged_in(cast.bob)
    for page in ("/customers/", "/me/", "/me/tokens/new/", "/"):
        assert late.get(page)["Location"] == LED, page
        assert late.post(page)["Location"] == LED, page
    assert late.get(LED).status_code == 200
    set_up = reverse("mfa_activate_totp")
    assert late.get(set_up)["Location"].startswith("/account/reauthenticate/"), "the password again"
    late.post("/account/reauthenticate/", {"password": PASSWORD})
    secret = late.get(set_up).context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        assert late.post(set_up, {"code": shown(secret)})["Location"] == reverse("panel:recovery_codes")
    assert late.get("/customers/").status_code == 200, "at once"
    assert User.objects.get(pk=cast.bob.pk).factor_asked_at is None, "a later asking begins anew"
    kept = Authenticator.objects.get(user=cast.bob)
    assert secret not in str(kept.data)
    assert unseal(kept.data["secret"]) == secret
    with acting(SETUP):
        update_options(account_id=cast.account.pk, second_factor=True, second_factor_days=0)
    assert logged_in(cast.ann).get("/customers/")["Location"] == LED, "now everybody, at once"
    assert mails() == ["bob@demo.example: an authenticator app was set up"]


def test_recovery_codes_are_shown_once_kept_by_their_hash_and_open_once(cast: Cast) -> None:
    page = reverse("panel:recovery_codes")
    browser = logged_in(cast.ann)
    browser.post("/account/reauthenticate/", {"password": PASSWORD})
    assert "Set up an authenticator app" in grown(browser, page)
    browser = logged_in(cast.ann)
    TOTP.activate(cast.ann, SECRET)
    assert browser.get(page)["Location"].startswith(reverse("mfa_reauthenticate")), "shown again, no password instead"
    assert browser.get("/account/reauthenticate/")["Location"].startswith(reverse("mfa_reauthenticate"))
    browser.post(reverse("mfa_reauthenticate"), {"code": shown()})
    answer = browser.post(page)
    assert answer["Cache-Control"] == "no-store"
    codes = answer.context["codes"]
    assert len(set(codes)) == 10
    assert codes[0] not in grown(browser, page)
    kept = User.objects.get(pk=cast.ann.pk).recovery_hashes
    assert not {code.replace("-", "") for code in codes} & set(kept)
    assert "recovery_hashes" in str(Audit.objects.filter(table_name="app_user").latest("id").after)
    assert kept[0] not in str(list(Audit.objects.values_list("after", flat=True)))

    def log_in_with(code: str) -> int:
        fresh = Client()
        fresh.post("/account/login/", {"login": "ann@demo.example", "password": PASSWORD})
        status = fresh.post(reverse("mfa_authenticate"), {"code": code}).status_code
        LoginDelay.objects.all().delete()
        return status

    assert log_in_with("wrong-code") == 200
    assert log_in_with(codes[3].upper()) == 302
    assert log_in_with(codes[3]) == 200
    assert log_in_with(codes[4].replace("-", " ")) == 302
    assert [mail.partition(": ")[2] for mail in mails()] == [
        "new recovery codes were made, and older ones no longer work",
        "a recovery code was used, 9 are left",
        "a recovery code was used, 8 are left",
    ]
    assert browser.get(reverse("panel:own_password")).status_code == 200, "the code was shown a moment ago"
    assert "/2fa/reauthenticate/" in logged_in(cast.ann).get(reverse("panel:own_password"))["Location"]


def grown(browser: Client, page: str) -> str:
    """The page, where it is open."""
    return re.sub(r"\s+", " ", browser.get(page).content.decode())


def test_an_administrator_takes_a_lost_factor_away_and_the_user_is_told(cast: Cast) -> None:
    TOTP.activate(cast.bob, SECRET)
    lost, page = logged_in(cast.bob), reverse("panel:user_factors_reset", args=[cast.bob.pk])
    ann = logged_in(cast.ann)
    assert "Reset second factor" in ann.get(reverse("panel:user", args=[cast.bob.pk])).content.decode()
    assert lost.post(page, {"confirmation": "bob@demo.example"}).status_code == 403
    ann.post(page, {"confirmation": "bob"})
    assert Authenticator.objects.filter(user=cast.bob).exists(), "typed in full or not at all"
    ann.post(page, {"confirmation": "bob@demo.example"})
    assert not Authenticator.objects.filter(user=cast.bob).exists()
    assert lost.get("/customers/").status_code == 302, "his sessions have ended"
    row = Audit.objects.get(verb="FACTORS_RESET")
    assert (row.row_id, row.actor, row.after) == (cast.bob.pk, "ann@demo.example", {"taken": "totp"})
    assert mails() == ["bob@demo.example: your authenticator app, passkeys and recovery codes were taken away"]
    TOTP.activate(cast.ann, SECRET)
    with acting(Actor("Bob", frozenset({"reset_user_factors"}), kind="user", id=cast.bob.pk)), pytest.raises(Invalid):
        reset_user_factors(user_id=cast.ann.pk)
    with acting(Actor("Ann", frozenset({"*"}), kind="user", id=cast.ann.pk)), pytest.raises(Invalid, match="another"):
        reset_user_factors(user_id=cast.ann.pk)
    assert Authenticator.objects.filter(user=cast.ann).exists(), "nobody takes their own away without showing it"


def test_programs_stop_with_the_user_who_let_the_days_pass(cast: Cast) -> None:
    with acting(Actor("Ann", frozenset({"*"}), kind="user", id=cast.ann.pk)):
        token = create_api_token(name="reports", scopes=["*"])
        create_user(name="Other", email="other@demo.example", password=PASSWORD)
    bearer = {"Authorization": f"Bearer {token.secret}"}
    ask = Client(headers=bearer)
    User.objects.filter(pk=cast.ann.pk).update(factor_asked_at=datetime.now(UTC) - timedelta(days=8))
    assert ask.get("/api/v1/customers").status_code == 200, "none is needed"
    with acting(SETUP):
        update_options(account_id=cast.account.pk, second_factor=True)
    assert ask.get("/api/v1/customers").status_code == 200, "what was asked before counts no more: now days begin"
    User.objects.filter(pk=cast.ann.pk).update(factor_asked_at=datetime.now(UTC) - timedelta(days=8))
    assert ask.get("/api/v1/customers").status_code == 403
    TOTP.activate(cast.ann, SECRET)
    assert ask.get("/api/v1/customers").status_code == 200
    Authenticator.objects.filter(user=cast.ann).delete()
    with acting(SETUP):
        update_options(account_id=cast.account.pk, second_factor_days=0)
    assert ask.get("/api/v1/customers").status_code == 403, "the first request asks whoever never opens the panel"


def test_factors_of_before_are_sealed_and_their_codes_hashed_when_the_database_is_brought_up_to_date(
    cast: Cast,
) -> None:
    migration = importlib.import_module("tollgate.store.migrations.0016_sign_in")
    seed = RecoveryCodes.generate_seed()
    old: dict[str, Any] = {"seed": seed, "used_mask": 0b10}
    sealed = Authenticator(user=cast.ann, type="recovery_codes", data={**old, "seed": seal(seed)})
    codes = RecoveryCodes(sealed).get_unused_codes()
    Authenticator.objects.create(user=cast.ann, type="totp", data={"secret": SECRET})
    Authenticator.objects.create(user=cast.ann, type="recovery_codes", data=old)
    migration.seal_factors(apps, None)
    kept = Authenticator.objects.get(user=cast.ann)
    assert (kept.type, unseal(kept.data["secret"])) == ("totp", SECRET)
    ann = User.objects.get(pk=cast.ann.pk)
    assert len(ann.recovery_hashes) == len(codes) == 9
    assert all(spend_recovery_code(ann, code, ip="127.0.0.1") for code in codes)
    assert not spend_recovery_code(ann, codes[0], ip="127.0.0.1")
