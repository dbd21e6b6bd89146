"""What may be read of the account itself, its users, what they have done and what goes on for them: a part of
`nouns.NOUNS`, written as there.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q
from django.db.models.functions import JSONObject

from tollgate.actions.delays import seen_by
from tollgate.actions.restorings import read_by as read_deleted
from tollgate.actions.tasks import seen_tasks
from tollgate.actions.views import seen_by as seen_views
from tollgate.api.noun_extras import ids, own_house
from tollgate.api.noun_rows import ROWS, Extra, Noun
from tollgate.core.areas import OWN_AREA, SHARED_TABLES
from tollgate.store.models import (
    Account,
    AccountCharge,
    AccountPackage,
    Agreement,
    AgreementAcceptance,
    ApiToken,
    Audit,
    ChangeRequest,
    DelayedSave,
    DeletedRecord,
    MailSettings,
    PortalDomain,
    SavedView,
    SignInGroup,
    SignInLink,
    SignInProvider,
    SmsSettings,
    Task,
    TaskRow,
    UserGroup,
)

_GROUPS: Final = SignInGroup.objects.filter(provider_id=OuterRef("pk")).order_by("claim", "id")
_SIGN_IN_GROUPS: Final = _GROUPS.values(row=JSONObject(claim="claim", group_id="group_id"))
SYSTEM: Final = (
    Noun(
        name="accounts", model=Account, area="account", account="pk", without=frozenset({"codes_version"}),
        filters=("name",), extras={},
    ),
    Noun(name="account-packages", model=AccountPackage, area="account", filters=("kind", "name", "unit"), extras={}),
    Noun(
        name="account-charges", model=AccountCharge, area="account", newest_first=True,
        filters=("on", "package_id", "what", "currency"), extras={},
    ),
    Noun(name="agreements", model=Agreement, area="account", filters=("number",), extras={}),
    Noun(
        name="agreement-acceptances", model=AgreementAcceptance, area="account", account="agreement__account",
        moment="at", newest_first=True, filters=("agreement_id", "by"), extras={},
    ),
    Noun(
        name="change-requests", model=ChangeRequest, area="account", moment="asked_at", newest_first=True,
        filters=("kind", "state"), extras={},
    ),
    Noun(name="mail-settings", model=MailSettings, area="account", filters=("domain_id", "host"), extras={}),
    Noun(name="sms-settings", model=SmsSettings, area="account", filters=("provider",), extras={}),
    Noun(
        name="portal-domains", model=PortalDomain, area="account", filters=("host",), without=frozenset({"logo"}),
        extras={
            "card_ids": ids(PortalDomain.cards.through.objects.filter(portaldomain_id=OuterRef("pk")), "card_id"),
        },
    ),
    Noun(name="groups", model=UserGroup, area="users", account="", filters=("name",), extras={}),
    Noun(
        name="sign-in-providers", model=SignInProvider, area="users", filters=("title", "serves", "enabled"),
        extras={"groups": Extra(ArraySubquery(_SIGN_IN_GROUPS), ROWS)},
    ),
    Noun(
        name="sign-in-links", model=SignInLink, area="users", account="provider__account",
        filters=("provider_id", "user_id", "contact_id", "subject"), extras={},
    ),
    Noun(
        name="tokens", model=ApiToken, area="users", account="", filters=("user_id", "contact_id", "name"),
        without=frozenset({"secret_hash"}), extras={},
    ),
    Noun(
        name="delayed-saves", model=DelayedSave, area="delays", customer="customer", seen=seen_by, moment="due_at",
        newest_first=True, filters=("customer_id", "act", "state", "table_name", "row_id", "author_id"),
        without=frozenset({"arguments"}), extras={},
    ),
    Noun(
        name="saved-views", model=SavedView, area=OWN_AREA, account="", seen=seen_views, masked=own_house,
        filters=("grid", "name", "shared", "user_id"), extras={},
    ),
    Noun(
        name="tasks", model=Task, area="tasks", seen=seen_tasks, moment="created_at", newest_first=True,
        filters=("kind", "noun", "act", "state", "author_id"), without=frozenset({"arguments"}), extras={},
    ),
    Noun(
        name="task-rows", model=TaskRow, area="tasks", account="task__account", seen=partial(seen_tasks, path="task__"),
        filters=("task_id", "number", "record_id", "state"), without=frozenset({"cells"}), extras={},
    ),
    Noun(
        name="deleted-records", model=DeletedRecord, area="tasks", customer="customer", seen=read_deleted,
        moment="deleted_at", newest_first=True, filters=("table_name", "record_id", "customer_id"),
        without=frozenset({"sealed", "operated", "reseller_id"}), extras={},
    ),
    Noun(
        name="audit", model=Audit, area="audit", account="", customer="customer_id",
        customer_rows=Q(table_name__in=SHARED_TABLES), moment="at", newest_first=True,
        filters=("table_name", "row_id", "verb", "actor", "actor_kind", "actor_id", "act", "customer_id"), extras={},
    ),
)  # fmt: skip
