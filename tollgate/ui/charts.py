"""Line charts over time, drawn in the browser by uPlot, in UTC or by the clock of a zone.

    chart = LineChart(name="live", title="Live calls, 24 h", unit="calls", times=(epoch seconds...),
                      series=(Series("Ingress", (12, 14, None, ...)), Series("Answered", (...))))

and `{% load ui %}{% line_chart chart %}` in the template. A missing value (None) leaves a gap. At most four series:
the element has four colors. Values are for looking at, so an amount is given as a decimal text or an int.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from tollgate.ui.words import told

SERIES_MAX = 4
UTC = "UTC"


@dataclass(frozen=True, slots=True)
class Series:
    """One line; a value per moment of the chart, or None where there is none."""

    name: str
    values: Sequence[int | str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Some lines over the same moments; `times` are epoch seconds, rising. They are told by the clock of `zone`."""

    name: str
    title: str
    unit: str
    times: Sequence[int]
    series: tuple[Series, ...]
    height_px: int = 240
    zone: str = UTC

    def __post_init__(self) -> None:
        assert 0 < len(self.series) <= SERIES_MAX, "one to four series"
        assert all(len(series.values) == len(self.times) for series in self.series), "a value per moment"

    def data(self) -> dict[str, object]:
        """What the element reads."""
        moments, turns = self._by_clock()
        return {
            "unit": told(self.unit),
            "height": self.height_px,
            "zone": self.zone,
            "times": moments,
            "turns": turns,
            "series": [{"name": told(series.name), "values": list(series.values)} for series in self.series],
        }

    def _by_clock(self) -> tuple[list[int], list[dict[str, object]]]:
        """The moments as the clock of the zone tells them, and where it goes back so that it tells some again.

        From such a turn on they go on evenly: the element takes what the clock went back from what it tells, and says
        by how much the clock is ahead of UTC wherever it tells a time for the second time.
        """
        moments: list[int] = []
        turns: list[dict[str, object]] = []
        ahead_s = gone_back_s = 0
        for at in self.times:
            before_s, ahead_s = ahead_s, self._ahead_s(at)
            if moments and at + ahead_s + gone_back_s <= moments[-1]:
                gone_back_s += before_s - ahead_s
                offset = datetime.fromtimestamp(at, ZoneInfo(self.zone)).isoformat()[-6:]
                turns.append({"at": at + ahead_s + gone_back_s, "back": before_s - ahead_s, "offset": offset})
            moments.append(at + ahead_s + gone_back_s)
        return moments, turns

    def _ahead_s(self, at: int) -> int:
        """How far the clock of the zone is ahead of UTC then: the element knows UTC alone."""
        if self.zone == UTC:
            return 0
        offset = datetime.fromtimestamp(at, ZoneInfo(self.zone)).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())
