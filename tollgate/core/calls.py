"""The public door of a call's decisions: plan, decide, extend, settle, and their texts.

A call goes: `plan` (stateless) -> lock `plan.wallet_ids` -> `decide` -> `ledger.apply_grant` -> ... `extend` ->
`ledger.apply_extension` ... -> `settle` -> `ledger.apply_settlement`. Each step lives in a file `calls_*`; a new step
gets its own and is named here.
"""

from tollgate.core.calls_decide import decide
from tollgate.core.calls_money import extend
from tollgate.core.calls_plan import plan
from tollgate.core.calls_settle import late_end, settle
from tollgate.core.calls_text import (
    SettledCall,
    SettledLeg,
    call_detail,
    rate_text,
    read_plan,
    read_rate,
    read_settled,
    refusal_detail,
    write_plan,
)
from tollgate.core.calls_types import (
    CarrierCost,
    Dropped,
    Extension,
    Gate,
    Grant,
    Invite,
    Leg,
    LegCost,
    LiveCall,
    Plan,
    RouteChoice,
    Settlement,
    StoredPlan,
    StoredRoute,
    read_gates,
)
from tollgate.core.ledger import (
    apply_entries,
    apply_extension,
    apply_grant,
    apply_settlement,
    move_carrier,
    settlement_wallet_ids,
)

__all__ = [
    "CarrierCost",
    "Dropped",
    "Extension",
    "Gate",
    "Grant",
    "Invite",
    "Leg",
    "LegCost",
    "LiveCall",
    "Plan",
    "RouteChoice",
    "SettledCall",
    "SettledLeg",
    "Settlement",
    "StoredPlan",
    "StoredRoute",
    "apply_entries",
    "apply_extension",
    "apply_grant",
    "apply_settlement",
    "call_detail",
    "decide",
    "extend",
    "late_end",
    "move_carrier",
    "plan",
    "rate_text",
    "read_gates",
    "read_plan",
    "read_rate",
    "read_settled",
    "refusal_detail",
    "settle",
    "settlement_wallet_ids",
    "write_plan",
]
