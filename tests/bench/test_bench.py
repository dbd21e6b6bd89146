"""The benchmarks still run. What they measure in a minute on a busy machine means nothing and is not looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import quick
from tests.bench import edge
from tests.bench.page import Goal, Section, write
from tests.bench.page_edge import sip
from tests.bench.run import BENCHMARKS

ROOT = Path(__file__).parents[2]
OF_CALLS = ("charging", "edge", "beside")
OF_MONEY = ("money", "lake", "lists")
NO_CPU = edge.Cpu(0, 0, 0, 0, 0)


def carrying(most: int, *, behind_above: int) -> edge.Climb:
    """A climb over an edge that carries `most` calls a second and lags behind above a lower rate."""

    def step(rate: int) -> edge.Step:
        return edge.Step(rate, rate, max(0, rate - most), 50.0, 9.0 if rate > behind_above else 0.0, NO_CPU)

    return edge.Climb(step, edge.Pace(runs=1, seconds=1, first=100, factor=1.1, steps=20, budget_s=1))


@pytest.mark.parametrize("near", [0, 4, 12])
def test_a_climb_ends_at_the_highest_rate_that_passes_wherever_it_begins(near: int) -> None:
    climb = carrying(200, behind_above=150)
    clean = climb.highest(lambda one: one.clean, near)
    carried = climb.highest(lambda one: one.carried, clean)
    found = climb.found(clean, carried)
    assert (found.clean.rate, found.carried.rate) == (146, 195)
    assert found.beyond is not None
    assert found.beyond.rate == 161


def test_great_strides_never_pass_a_rate_that_is_not_clean() -> None:
    climb = carrying(200, behind_above=150)
    assert climb.at(climb.neighborhood()).clean


def test_an_edge_that_carries_nothing_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="not even 100"):
        carrying(10, behind_above=10).highest(lambda one: one.clean, 3)


def test_a_missed_goal_says_what_limits_it_and_a_met_one_does_not() -> None:
    goals = (Goal("speed", ">= 2", "1", False, "the wind"), Goal("weight", "<= 2", "1", True, "the ground"))
    text = write([Section("Ships", "Some.", goals)], machine=[("cores", "2")], note="Quiet.")
    assert "- speed: the wind." in text
    assert "the ground" not in text


def test_a_stub_that_was_never_driven_to_its_end_meets_no_goal() -> None:
    pace = edge.Pace(runs=1, seconds=1, first=20, factor=1.5, steps=3, budget_s=1)
    step = edge.Step(45, 45, 0, 50.0, 0.0, NO_CPU)
    found = edge.Found(carried=step, clean=step, beyond=None)
    goals = sip({"stub": [found], "charging": [found]}, pace, 2).goals
    assert [goal.met for goal in goals] == [False, False]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        pytest.param(
            OF_CALLS,
            ("one hot customer", "authorize at half load, p99", "instant stub", "same database", "Kamailio"),
            marks=pytest.mark.sip,
            id="calls",
        ),
        pytest.param(
            OF_MONEY,
            ("the run: 12 invoices", "12 with e-invoice", "to the last unit", "the doctor finds nothing", "on |"),
            id="money",
        ),
    ],
)
def test_every_benchmark_runs_and_the_page_tells_of_it(
    tmp_path: Path, names: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    page = tmp_path / "benchmarks.md"
    only = [word for name in names for word in ("--only", name)]
    command = [sys.executable, "-m", "tests.bench.run", "--quick", *only, "--page", str(page)]
    with quick.new_folder() as folder:
        done = subprocess.run(
            command,
            check=False,
            cwd=ROOT,
            env=os.environ | {"TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    assert done.returncode == 0, done.stdout[-3000:]
    text = page.read_text(encoding="utf-8")
    for words in wanted:
        assert words in text
    assert str(ROOT) not in text


def test_no_benchmark_is_left_untried() -> None:
    assert {*OF_CALLS, *OF_MONEY} == set(BENCHMARKS)
