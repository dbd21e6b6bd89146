"""What Prometheus may know of one charging process.

Counting is on the way of every answer, so it is plain integers here; they become Prometheus' families when somebody
reads them. A new figure is an attribute of `Metrics`, a line in `collect`, and its name in the reference.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from tollgate.charging.requests import Allowed, Closed, Extended, Outcome, Request, Unavailable
from tollgate.core.refusals import Refusal

if TYPE_CHECKING:
    from tollgate.charging.service import Service

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
_LATENCIES_S: Final = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 400)


class Spread:
    """A histogram of plain integers."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """One more."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def family(self, name: str, words: str) -> HistogramMetricFamily:
        """For Prometheus, whose buckets count everything below them."""
        total, buckets = 0, []
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(name, words, buckets=buckets, sum_value=self._sum)


class Metrics(Collector):
    """Counters filled as answers go out, and gauges read when somebody asks."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        self.decisions: Counter[tuple[str, str]] = Counter()
        self.messages: Counter[str] = Counter()
        self.unavailable: Counter[str] = Counter()
        self.extensions = self.overruns = self.unresolved = self.auth_locks = 0
        self.latency = Spread(_LATENCIES_S)
        self.batches = Spread(_SIZES)
        self._live: dict[str, int] = {}
        self._decided_before = (time.monotonic(), 0)

    def count(self, request: Request, outcome: Outcome) -> None:
        """One answer went out."""
        kind = request.kind
        self.messages[kind] += 1
        if kind == "authorize":
            self._decided(request, outcome)
        match outcome:
            case Unavailable(why=why):
                self.unavailable[why] += 1
            case Extended(more=True):
                self.extensions += 1
            case Closed(already=False):
                self.unresolved += kind == "lost"
                self.overruns += outcome.overrun

    def _decided(self, request: Request, outcome: Outcome) -> None:
        if isinstance(outcome, Allowed):
            self.decisions["allowed", ""] += 1
        elif isinstance(outcome, Refusal):
            self.decisions["refused", outcome.key.value] += 1
        else:
            return
        self.latency.observe(time.monotonic() - request.asked_s)

    def text(self, live: dict[str, int]) -> bytes:
        """All figures, in Prometheus' words. `live` counts the calls of the installation by state."""
        self._live = live
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Every family."""
        yield from self._counters()
        yield from self._gauges()
        sizes = self._service.desk.counts.sizes
        while sizes:
            self.batches.observe(sizes.popleft())
        yield self.latency.family("tollgate_authorize_seconds", "From request to durable answer")
        yield self.batches.family("tollgate_batch_size", "Requests in one transaction")

    def _counters(self) -> Iterator[Metric]:
        words = "Authorizations by outcome and refusal key"
        decisions = CounterMetricFamily("tollgate_decisions", words, labels=["outcome", "refusal"])
        for labels, count in self.decisions.items():
            decisions.add_metric(labels, count)
        yield decisions
        messages = CounterMetricFamily("tollgate_messages", "Requests carried out by kind", labels=["kind"])
        for kind, count in self.messages.items():
            messages.add_metric([kind], count)
        yield messages
        unavailable = CounterMetricFamily("tollgate_unavailable", "Requests turned away", labels=["why"])
        for why, count in self.unavailable.items():
            unavailable.add_metric([why], count)
        yield unavailable
        yield CounterMetricFamily("tollgate_extensions", "Grants made longer", value=self.extensions)
        yield CounterMetricFamily("tollgate_overruns", "Calls that lasted beyond their grant", value=self.overruns)
        yield CounterMetricFamily(
            "tollgate_unresolved", "Calls closed without news of their end", value=self.unresolved
        )
        words = "SIP users whom an edge turns away at an address after too many wrong passwords"
        yield CounterMetricFamily("tollgate_auth_locks", words, value=self.auth_locks)
        retries = self._service.desk.counts.retries
        yield CounterMetricFamily("tollgate_batch_retries", "Batches tried again", value=retries)

    def _gauges(self) -> Iterator[Metric]:
        service, now_s = self._service, time.monotonic()
        live = GaugeMetricFamily("tollgate_calls_live", "Live calls of the installation", labels=["state"])
        for state in ("authorized", "answered"):
            live.add_metric([state], self._live.get(state, 0))
        yield live
        edges = GaugeMetricFamily("tollgate_edge_up", "1 while the edge answers", labels=["edge"])
        for edge, up in service.edges.up.items():
            edges.add_metric([edge], up)
        yield edges
        yield GaugeMetricFamily("tollgate_queue", "Requests waiting for a batch", value=service.desk.queued)
        age_s = now_s - service.snapshots.fresh_at
        yield GaugeMetricFamily("tollgate_snapshot_age_seconds", "Since the records were proven fresh", value=age_s)
        yield GaugeMetricFamily("tollgate_database_up", "1 while the database answers", value=service.desk.is_up)
        yield GaugeMetricFamily(
            "tollgate_cps", "Authorizations per second since the last reading", value=self._cps(now_s)
        )

    def _cps(self, now_s: float) -> float:
        total = sum(self.decisions.values())
        then_s, then = self._decided_before
        self._decided_before = (now_s, total)
        return (total - then) / max(now_s - then_s, 0.001)
