"""Rating of many calls at once: the rules of `core.rates` for plain rates, as one text that DuckDB and Spark both run.

A plain rate is what a line of a card holds: price, connect fee, initial and increment, grace and included seconds. What
has windows is left to `core.rates`, call by call. The longest prefix is found by one equal join for each length that
the rates have, longest first. To obey a new property of a plain rate, add it to `RateLine` and to `_CHARGE`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tollgate.core.lake import Engine
from tollgate.core.money import bias
from tollgate.core.rates import Increments, Rounding

PER_S = 60


@dataclass(frozen=True, slots=True)
class RateLine:
    """One rate as columns of whole numbers. `plain` is 0 for one that only `core.rates` can price, or that blocks."""

    place: int
    revision_id: int
    prefix: str
    plain: int
    price_nanos: int
    connect_fee_nanos: int
    initial_s: int
    increment_s: int
    grace_s: int
    included_s: int
    duration_bias: int
    by_whole: int
    money_bias: int
    unit: int
    scale: int


def rate_line(
    place: int,
    revision_id: int,
    prefix: str,
    *,
    rounding: Rounding,
    plain: bool = True,
    price_nanos: int = 0,
    connect_fee_nanos: int = 0,
    initial_s: int = 1,
    increment_s: int = 1,
    grace_s: int = 0,
    included_s: int = 0,
) -> RateLine:
    """A rate with its card's roundings; `place` tells it from all others."""
    unit = PER_S * 10 ** (9 - rounding.precision)
    return RateLine(
        place=place,
        revision_id=revision_id,
        prefix=prefix,
        plain=int(plain),
        price_nanos=price_nanos,
        connect_fee_nanos=connect_fee_nanos,
        initial_s=initial_s or increment_s,
        increment_s=increment_s,
        grace_s=grace_s or -1,
        included_s=included_s,
        duration_bias=bias(1000, rounding.duration),
        by_whole=int(rounding.increments is Increments.whole_to_increment),
        money_bias=bias(unit, rounding.method),
        unit=unit,
        scale=10 ** (6 - rounding.precision),
    )


def rating_text(engine: Engine, lengths: Iterable[int]) -> str:
    """A table of every call of `rated_call` with its rate and charge.

    Reads `rated_call` (id, revision_id, number, duration_ms and whatever else) and `rate_line` (the columns of
    `RateLine`); `lengths` are those of its prefixes. Gives the columns of the call, `place` (null: no rate matches),
    `plain`, `new_billed_s` and `new_cost_micros` (both null where the rate is not plain).
    """
    wanted = sorted(set(lengths), reverse=True)
    joins = [
        f"LEFT JOIN rate_line AS r{length} ON r{length}.revision_id = c.revision_id "
        f"AND length(r{length}.prefix) = {length} AND r{length}.prefix = substring(c.number, 1, {length})"
        for length in wanted
    ]
    place = f"COALESCE({', '.join(f'r{length}.place' for length in wanted)})" if wanted else "CAST(NULL AS BIGINT)"
    return (
        f"WITH placed AS (SELECT c.*, {place} AS place FROM rated_call AS c {' '.join(joins)}), "  # noqa: S608 - numbers
        + _CHARGE.replace("{div}", engine.div)
    )


# A call of no whole second is billed as one. Included seconds cost nothing; the first step ends at `initial_s`, the
# increments after it count from there, or from the start of the call (`by_whole`).
_CHARGE = """
told AS (
  SELECT placed.*, r.plain, r.price_nanos AS rate_price_nanos, r.connect_fee_nanos, r.initial_s, r.increment_s,
         r.included_s, r.by_whole, r.money_bias, r.unit, r.scale, r.grace_s,
         (placed.duration_ms + r.duration_bias) {div} 1000 AS talked_s
  FROM placed LEFT JOIN rate_line AS r ON r.place = placed.place
), used AS (
  SELECT told.*, CASE WHEN talked_s = 0 THEN 1 ELSE talked_s END - included_s AS usage_s FROM told
), billed AS (
  SELECT used.*,
         CASE WHEN talked_s <= grace_s OR usage_s <= 0 THEN 0
              WHEN usage_s <= initial_s THEN initial_s
              WHEN by_whole = 1 THEN (usage_s + increment_s - 1) {div} increment_s * increment_s
              ELSE initial_s + (usage_s - initial_s + increment_s - 1) {div} increment_s * increment_s END AS end_s
  FROM used
)
SELECT billed.*, CASE WHEN plain = 1 THEN end_s END AS new_billed_s,
       CASE WHEN plain <> 1 THEN NULL
            WHEN talked_s <= grace_s THEN 0
            ELSE (connect_fee_nanos * 60 + end_s * rate_price_nanos + money_bias) {div} unit * scale
            END AS new_cost_micros
FROM billed
"""
