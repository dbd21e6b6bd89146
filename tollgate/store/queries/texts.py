"""What is asked of the account's own texts by every face."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import F, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from tollgate.store.models import Account, OwnText, TextChanges, User

LANGUAGE_OF_ACCOUNT = "account_language"
CHANGES = "text_changes_count"


def own_texts(language: str) -> Mapping[str, str]:
    """The account's own texts in one language, by message. An installation serves one account."""
    return dict(OwnText.objects.filter(language=language).order_by("account_id").values_list("message", "text"))


def language_and_changes() -> tuple[str, int]:
    """The language that the account has chosen for its pages, and how often its texts have changed."""
    found = Account.objects.order_by("id").values_list("language", F("text_changes__count")).first()
    return (found[0], found[1] or 0) if found else ("", 0)


def with_texts(users: QuerySet[User]) -> QuerySet[User]:
    """The users, each with what `language_and_changes` tells, so that no page asks for it a second time."""
    language = Account.objects.order_by("id").values("language")[:1]
    count = TextChanges.objects.order_by("account_id").values("count")[:1]
    return users.annotate(
        **{LANGUAGE_OF_ACCOUNT: Coalesce(Subquery(language), Value("")), CHANGES: Coalesce(Subquery(count), Value(0))}
    )
