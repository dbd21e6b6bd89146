"""Rates: what a call costs, why, how much to hold for it, and how much talk some money buys.

One model expresses every tariff: a `Rate` has windows (when), a window a connect fee and steps (from which second, at
which price per how many seconds, in which increments). This file is the public face; the parts are `rates_model`
(records and checks), `rates_engine` (the cost), `rates_grants` (holds and grants), `rates_explain` and `rates_json`.
To add a property of a price, start in `rates_model`, whose docstring names the rest of the way.
"""

from tollgate.core.rates_engine import (
    UsageCost,
    billed_s,
    charged,
    cost_micros,
    in_force,
    is_timeless,
    repeated_cost_micros,
    usage_cost,
    window_at,
)
from tollgate.core.rates_explain import Explained, Line, LineKind, explain
from tollgate.core.rates_grants import (
    affordable_s,
    first_hold,
    first_slice_s,
    hold_micros,
    is_free,
    price_per_minute_nanos,
)
from tollgate.core.rates_json import rate_from_json, rate_to_json
from tollgate.core.rates_model import (
    USUAL,
    AtMaximum,
    Increments,
    Rate,
    RateInvalid,
    Rounding,
    Step,
    Window,
    simple,
)

__all__ = [
    "USUAL",
    "AtMaximum",
    "Explained",
    "Increments",
    "Line",
    "LineKind",
    "Rate",
    "RateInvalid",
    "Rounding",
    "Step",
    "UsageCost",
    "Window",
    "affordable_s",
    "billed_s",
    "charged",
    "cost_micros",
    "explain",
    "first_hold",
    "first_slice_s",
    "hold_micros",
    "in_force",
    "is_free",
    "is_timeless",
    "price_per_minute_nanos",
    "rate_from_json",
    "rate_to_json",
    "repeated_cost_micros",
    "simple",
    "usage_cost",
    "window_at",
]
