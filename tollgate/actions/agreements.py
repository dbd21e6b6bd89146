"""Acts on the service agreement: versions that never change, and who accepted which."""

from __future__ import annotations

import hashlib

from django.db.models import Max

from tollgate.actions import checks, records
from tollgate.actions.account_pause import check_active
from tollgate.actions.acts import act, current, refuse
from tollgate.store.models import Account, Agreement, AgreementAcceptance


@act
def publish_agreement(*, account_id: int, title: str, text: str) -> Agreement:
    """Publishes the next version. Whoever accepted the one before is asked again."""
    values = checks.cleaned(
        {"title": checks.text(200, required=True), "text": checks.text(200_000, required=True)},
        {"title": title, "text": text},
    )
    account = records.locked(Account, account_id)
    check_active(account)
    number = (account.agreements.aggregate(last=Max("number"))["last"] or 0) + 1
    sha256 = hashlib.sha256(values["text"].encode()).hexdigest()
    return records.create(Agreement, {**values, "account_id": account.pk, "number": number, "sha256": sha256})


@act
def accept_agreement(*, agreement_id: int, sha256: str) -> AgreementAcceptance:
    """Accepts the newest version. `sha256` is that of the text that was read. Twice is once."""
    agreement = records.find(Agreement, agreement_id)
    if newest_agreement(agreement.account) != agreement:
        raise refuse("agreement_id", "There is a newer version: read that one.")
    if sha256 != agreement.sha256:
        raise refuse("sha256", "This is not the text that is published: read it again.")
    actor = current.get()
    user_id = actor.id if actor.kind == "user" else None
    held = acceptance_by(agreement, user_id) if user_id else agreement.acceptances.filter(by=actor.name).first()
    if held is not None:
        return held
    values = {"agreement_id": agreement.pk, "by": actor.name, "user_id": user_id, "ip": actor.ip, "sha256": sha256}
    return records.create(AgreementAcceptance, values)


def newest_agreement(account: Account) -> Agreement | None:
    """The version that is to be accepted; None before the first is published."""
    return account.agreements.order_by("-number").first()


def acceptance_by(agreement: Agreement, user_id: int) -> AgreementAcceptance | None:
    """When and how a user accepted a version; None when not yet. The email alone says little: others may get it."""
    return agreement.acceptances.filter(user_id=user_id).first()
