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
        return {
            "unit": told(self.unit),
            "height": self.height_px,
            "zone": self.zone,
            "times": [at + self._ahead_s(at) for at in self.times],
            "series": [{"name": told(series.name), "values": list(series.values)} for series in self.series],
        }

    def _ahead_s(self, at: int) -> int:
        """How far the clock of the zone is ahead of UTC then: the element knows UTC alone."""
        if self.zone == UTC:
            return 0
        offset = datetime.fromtimestamp(at, ZoneInfo(self.zone)).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())
