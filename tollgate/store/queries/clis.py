"""Questions about the callers' numbers that customers may show."""

from datetime import timedelta
from typing import Any, Final

from django.db.models import Case, DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value, When
from django.db.models.functions import Greatest

from tollgate.core.cli_pools import CLI_MODES
from tollgate.store.models import VerifiedCli

WEEK: Final = timedelta(days=7)
PROVED: Final = ("call_back", "sms")
"""How contacts prove a number; what an operator has put there does not lapse."""


def with_lapse(found: QuerySet[VerifiedCli]) -> QuerySet[Any]:
    """With `over_at`, when its days are over, and `lapses_at`, when it is taken off: a week after the reminder at the
    soonest. Both are empty for one that stays."""
    days = F("customer__account__verification_valid_days") * Value(timedelta(days=1))
    over_at = ExpressionWrapper(F("verified_at") + days, output_field=DateTimeField())
    asked = Q(customer__approved_clis_only=True) | Q(customer__cli_pool__in=CLI_MODES)
    lapsing = When(
        asked,
        method__in=PROVED,
        customer__account__verification_valid_days__gt=0,
        then=over_at,
    )
    noticed = ExpressionWrapper(F("reminded_at") + Value(WEEK), output_field=DateTimeField())
    due = Case(lapsing, default=None, output_field=DateTimeField())
    held = Case(When(over_at=None, then=None), default=Greatest(F("over_at"), noticed), output_field=DateTimeField())
    return found.annotate(over_at=due).annotate(lapses_at=held)
