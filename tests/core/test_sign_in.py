"""Claims about tokens of providers: only those that are for us, now, and answer our question are believed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.core.sign_in import LEEWAY, MOMENT_MOST, Claims, ClaimsUnfit, check_claims, has_claim, person_of

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_S = int(AT.timestamp())
GOOD = {"iss": "https://id.example", "aud": "tollgate", "exp": NOW_S + 60, "iat": NOW_S, "nonce": "n", "sub": "a1"}


def believed(claims: Claims) -> bool:
    """Whether a token with these claims is taken."""
    try:
        check_claims(claims, issuer="https://id.example", client_id="tollgate", nonce="n", at=AT)
    except ClaimsUnfit:
        return False
    return True


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ({}, True),
        ({"iss": "https://id.example/"}, False),
        ({"aud": ["tollgate"]}, True),
        ({"aud": ["other", "tollgate"]}, False),
        ({"aud": ["other", "tollgate"], "azp": "tollgate"}, True),
        ({"aud": "other"}, False),
        ({"azp": "other"}, False),
        ({"nonce": "m"}, False),
        ({"nonce": None}, False),
        ({"nonce": "ñ"}, False),
        ({"exp": NOW_S - 61}, False),
        ({"exp": NOW_S - 59}, True),
        ({"iat": NOW_S + 59}, True),
        ({"iat": NOW_S + 61}, False),
        ({"exp": str(NOW_S + 60)}, False),
        ({"exp": True}, False),
        ({"exp": -1}, False),
        ({"exp": MOMENT_MOST}, False),
    ],
)
def test_a_token_counts_for_us_and_now_alone(changed: dict[str, object], taken: bool) -> None:
    assert believed({**GOOD, **changed}) is taken
    for name in changed:
        assert believed({key: value for key, value in GOOD.items() if key != name}) is (name == "azp")


@given(st.integers(-10_000, 10_000))
def test_a_token_is_believed_until_its_end_and_the_leeway(offset_s: int) -> None:
    assert believed({**GOOD, "exp": NOW_S + offset_s}) is (timedelta(seconds=offset_s) > -LEEWAY)


def test_a_person_is_who_the_token_says() -> None:
    told = {**GOOD, "email": " Ann@Demo.Example ", "email_verified": True, "name": "Ann", "groups": ["ops", 7, ""]}
    ann = person_of(told, groups_claim="groups")
    assert (ann.subject, ann.email, ann.email_verified, ann.name) == ("a1", "ann@demo.example", True, "Ann")
    assert ann.groups == {"ops"}
    for verified in (None, "true", 1):
        assert not person_of({**told, "email_verified": verified}, groups_claim="groups").email_verified
    roles = {**GOOD, "realm": {"roles": "ops"}, "https://a.b/groups": ["dev"], "email": 7}
    assert person_of(roles, groups_claim="realm.roles").groups == {"ops"}
    assert person_of(roles, groups_claim="https://a.b/groups").groups == {"dev"}
    assert person_of(roles, groups_claim="sub.x").groups == frozenset()
    assert person_of(roles, groups_claim="x").email == ""
    assert has_claim(roles, "realm.roles")
    assert not has_claim(roles, "groups")
    unfit = [{"sub": subject} for subject in (None, "", "a" * 256, 7)]
    unfit += [{name: text} for name in ("sub", "email", "name") for text in ("a\0b", "a\ud800")]
    for claims in unfit:
        with pytest.raises(ClaimsUnfit):
            person_of({**GOOD, **claims}, groups_claim="groups")
