"""Rating of many calls at once: the rules of `core.rates` as one text that an engine of the lake runs.

A rate of one window and up to `MOST_STEPS` steps is priced by the text, with all else that a rate has: connect fee,
increments, grace and included seconds, minimum and maximum, every rounding. What has several windows or more steps, or
could leave the range of BIGINT, is not `plain`: such calls are left to `core.rates`, one by one.

The longest prefix is found in a sorted list of disjoint stretches of the numbers of each revision (`spans`), by one
ASOF join. Spark has none, and keys may leave BIGINT: then by one equal join for each length that prefixes have. To obey
a new property of a rate, add it to `RateLine`, to `rate_line` and to `_CHARGE`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tollgate.core.lake import Engine
from tollgate.core.rates import Rate
from tollgate.core.rates_engine import compiled

MOST_STEPS = 3
LONGEST_S = 8 * 86_400
"""Longer than any call: what a rate can cost is looked at up to here."""
_NEVER = 2**62
_MOST = 2**62
_BIGINT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RateLine:
    """One rate as columns of whole numbers. `plain` is 0 for one that only `core.rates` can price.

    Of each step: where it begins to bill, its increments and where they count from, its price of a second, and what the
    seconds before it have cost. Amounts are counted in nanos times the denominator of the rate; `cap` -1 is none.
    """

    place: int
    revision_id: int
    prefix: str
    plain: int
    duration_bias: int = 0
    grace_s: int = -1
    included_s: int = 0
    fee: int = 0
    minimum: int = 0
    cap: int = -1
    money_bias: int = 0
    unit: int = 1
    scale: int = 1
    increment1_s: int = 1
    price1: int = 0
    before1: int = 0
    begin2_s: int = _NEVER
    increment2_s: int = 1
    origin2_s: int = 0
    price2: int = 0
    before2: int = 0
    begin3_s: int = _NEVER
    increment3_s: int = 1
    origin3_s: int = 0
    price3: int = 0
    before3: int = 0


class Span(NamedTuple):
    """From this key on (see `Keys`) until that of the next, numbers are rated by the rate at `place`, if by any."""

    begin_key: int
    place: int | None


@dataclass(frozen=True, slots=True)
class Keys:
    """How a number becomes a key: its first `digits` digits as if noughts followed, then how many it has.

    So 12 stands before 120, though both begin alike, and whatever begins with a prefix stands in one stretch. Each
    revision has numbers of its own, `room` apart.
    """

    digits: int
    first_revision_id: int
    last_revision_id: int

    @property
    def room(self) -> int:
        """How many keys a revision has."""
        numbers: int = 10**self.digits
        return numbers * (self.digits + 1)

    def begin(self, line: RateLine) -> int:
        """The first key of what begins with the prefix of a rate."""
        number = int(line.prefix.ljust(self.digits, "0")) if self.digits else 0
        return self._base(line) + number * (self.digits + 1) + len(line.prefix)

    def end(self, line: RateLine) -> int:
        """The first key after these."""
        number = int(line.prefix.ljust(self.digits, "0")) if self.digits else 0
        width: int = 10 ** (self.digits - len(line.prefix))
        return self._base(line) + (number + width) * (self.digits + 1)

    def text(self) -> str:
        """The key of a row of `rated_call`; null for one of another revision."""
        begun = f"TRY_CAST(rpad(substring(number, 1, {self.digits}), {self.digits}, '0') AS BIGINT)"
        number = f"{begun if self.digits else 0} * {self.digits + 1} + least(length(number), {self.digits})"
        return (
            f"CASE WHEN revision_id BETWEEN {self.first_revision_id} AND {self.last_revision_id} "
            f"THEN (CAST(revision_id AS BIGINT) - {self.first_revision_id}) * {self.room} + {number} END"
        )

    def _base(self, line: RateLine) -> int:
        return (line.revision_id - self.first_revision_id) * self.room


def rate_line(place: int, revision_id: int, prefix: str, rate: Rate) -> RateLine:
    """A rate as columns; `place` tells it from all others."""
    duration_bias, grace_s, included_s, plan, minimum, cap, money_bias, unit, scale = (
        rate.compiled or compiled(rate)
    ).numbers
    if plan is None or len(plan[1]) > MOST_STEPS:
        return RateLine(place, revision_id, prefix, plain=0)
    fee, segments = plan
    first, second, third, *_ = [*reversed(segments), (_NEVER, 1, 0, 0, 0), (_NEVER, 1, 0, 0, 0)]
    dearest = max(before + (LONGEST_S + increment) * price for _, increment, _, price, before in segments)
    if max(dearest, minimum, cap or 0) + money_bias > _MOST:
        return RateLine(place, revision_id, prefix, plain=0)
    return RateLine(
        place,
        revision_id,
        prefix,
        1,
        duration_bias,
        grace_s,
        included_s,
        fee,
        minimum,
        -1 if cap is None else cap,
        money_bias,
        unit,
        scale,
        first[1],
        *first[3:],
        *second,
        *third,
    )


def keys_of(lines: Sequence[RateLine]) -> Keys | None:
    """The keys by which these rates are found; None where they would leave BIGINT."""
    if not lines:
        return None
    digits = max(len(line.prefix) for line in lines)
    revisions = [line.revision_id for line in lines]
    found = Keys(digits, min(revisions), max(revisions))
    return found if (max(revisions) - min(revisions) + 1) * found.room < _BIGINT else None


def spans(lines: Iterable[RateLine], keys: Keys) -> list[Span]:
    """The stretches of numbers that each rate is the longest prefix of, in order and without a gap."""
    found = [Span(-1, None)]
    around: list[tuple[int, int | None]] = [(_BIGINT, None)]  # (end, place) of the stretches around, innermost last

    def begin(key: int, place: int | None) -> None:
        if found[-1].begin_key == key:
            found.pop()
        if not found or found[-1].place != place:
            found.append(Span(key, place))

    for key, line in sorted(((keys.begin(line), line) for line in lines), key=lambda pair: pair[0]):
        while around[-1][0] <= key:
            end, _ = around.pop()
            begin(end, around[-1][1])
        begin(key, line.place)
        around.append((keys.end(line), line.place))
    while len(around) > 1:
        end, _ = around.pop()
        begin(end, around[-1][1])
    return found


def rating_text(engine: Engine, lengths: Iterable[int], keys: Keys | None = None) -> str:
    """A table of every call of `rated_call` with its rate and charge.

    Reads `rated_call` (id, revision_id, number, duration_ms, free_s and whatever else; `free_s` are the seconds that
    came from free minutes, and only what is beyond them is priced), `rate_line` (the columns of `RateLine`) and, where
    `keys` are given to DuckDB, `rate_span`; `lengths` are those of the prefixes. Gives the columns of the call, `place`
    (null: no rate matches), `plain`, `new_billed_s` and `new_cost_micros` (both null where not plain).
    """
    found = _by_keys(keys) if keys is not None and engine is Engine.duckdb else _by_lengths(lengths)
    return f"WITH placed AS ({found}), {_CHARGE.replace('{div}', engine.div)}"


def free_text(engine: Engine) -> str:
    """The seconds of a call that came from free minutes, by its `detail` as the charging service writes it."""
    if engine is Engine.duckdb:
        told = "list_sum(CAST(json_extract(detail, '$.minutes[*].used_s') AS BIGINT[]))"
    else:
        minutes = "from_json(get_json_object(detail, '$.minutes'), 'array<struct<used_s: bigint>>')"
        told = f"aggregate({minutes}, CAST(0 AS BIGINT), (total, one) -> total + one.used_s)"
    return f"CASE WHEN detail LIKE '%\"minutes\"%' THEN COALESCE(CAST({told} AS BIGINT), 0) ELSE 0 END"


def _by_keys(keys: Keys) -> str:
    return (
        "SELECT c.* EXCLUDE (number_key), span.place "  # noqa: S608 - numbers
        f"FROM (SELECT *, {keys.text()} AS number_key FROM rated_call) AS c "
        "ASOF LEFT JOIN rate_span AS span ON c.number_key >= span.begin_key"
    )


def _by_lengths(lengths: Iterable[int]) -> str:
    wanted = sorted(set(lengths), reverse=True)
    joins = [
        f"LEFT JOIN rate_line AS r{length} ON r{length}.revision_id = c.revision_id "
        f"AND length(r{length}.prefix) = {length} AND r{length}.prefix = substring(c.number, 1, {length})"
        for length in wanted
    ]
    place = f"COALESCE({', '.join(f'r{length}.place' for length in wanted)})" if wanted else "CAST(NULL AS BIGINT)"
    return f"SELECT c.*, {place} AS place FROM rated_call AS c {' '.join(joins)}"  # noqa: S608 - numbers


# A call of no whole second is billed as one, but for one that free minutes cover. Included seconds cost the connect fee
# alone; then the step counts in which the usage ends, whose increments count from where it begins to bill, or from the
# start of the call.
_CHARGE = """
told AS (
  SELECT placed.*, r.plain, r.grace_s, r.included_s, r.fee, r.minimum, r.cap, r.money_bias, r.unit, r.scale,
         r.increment1_s, r.price1, r.before1, r.begin2_s, r.increment2_s, r.origin2_s, r.price2, r.before2,
         r.begin3_s, r.increment3_s, r.origin3_s, r.price3, r.before3,
         (CASE WHEN placed.duration_ms > free_s * 1000 THEN placed.duration_ms - free_s * 1000 ELSE 0 END
          + r.duration_bias) {div} 1000 AS talked_s
  FROM placed LEFT JOIN rate_line AS r ON r.place = placed.place
), used AS (
  SELECT told.*, CASE WHEN talked_s = 0 THEN 1 ELSE talked_s END - included_s AS usage_s FROM told
), billed AS (
  SELECT used.*,
         CASE WHEN usage_s <= 0 THEN 0
              WHEN usage_s <= begin2_s THEN (usage_s + increment1_s - 1) {div} increment1_s * increment1_s
              WHEN usage_s <= begin3_s
              THEN origin2_s + (usage_s - origin2_s + increment2_s - 1) {div} increment2_s * increment2_s
              ELSE origin3_s + (usage_s - origin3_s + increment3_s - 1) {div} increment3_s * increment3_s END AS end_s
  FROM used
), costed AS (
  SELECT billed.*,
         CASE WHEN plain <> 1 THEN 0
              WHEN usage_s <= 0 THEN fee
              WHEN usage_s <= begin2_s THEN before1 + end_s * price1
              WHEN usage_s <= begin3_s THEN before2 + (end_s - begin2_s) * price2
              ELSE before3 + (end_s - begin3_s) * price3 END AS exact
  FROM billed
)
SELECT costed.*,
       CASE WHEN plain = 1 THEN
         free_s + CASE WHEN talked_s <= grace_s OR free_s > 0 AND talked_s = 0 THEN 0 ELSE end_s END
       END AS new_billed_s,
       CASE WHEN plain = 1 THEN
         CASE WHEN talked_s <= grace_s OR free_s > 0 AND talked_s = 0 THEN 0
              ELSE (CASE WHEN exact < minimum THEN minimum WHEN cap >= 0 AND exact > cap THEN cap ELSE exact END
                    + money_bias) {div} unit * scale END
       END AS new_cost_micros
FROM costed
"""
