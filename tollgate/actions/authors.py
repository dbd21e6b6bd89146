"""People in whose name something is done while they are away: delayed saves, tasks. Their rights are those of now."""

from __future__ import annotations

from tollgate.actions.acts import Actor
from tollgate.store.models import User
from tollgate.store.queries.customers import below


def author_now(user_id: int, name: str, *, reason: str) -> Actor | str:
    """The user with the rights of this moment; a sentence when there are none left. `name` is what to call them then.

    Whether they are enough for an act is for the act to say.
    """
    user = User.objects.filter(pk=user_id).first()
    given = user.rights() if user is not None else None
    if user is None or given is None:
        return f"{name} may no longer do anything here."
    return Actor(
        name=user.email,
        may=given[0],
        reason=reason,
        kind="user",
        id=user.pk,
        areas=given[1],
        reseller_id=user.reseller_id,
        reach=None if user.reseller_id is None else frozenset(below(user.reseller_id)),
    )
