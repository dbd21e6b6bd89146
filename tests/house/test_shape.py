"""Small functions, small modules, few rooms, names that say something."""

from __future__ import annotations

import ast

from tests.house.tree import PACKAGE, ROOT, modules

LONGEST_FUNCTION = 70
LONGEST_MODULE = 500
MOST_ROOMS = 12
NO_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "misc", "shared"}
TESTS_BESIDE_ROOMS = {"house", "journeys", "sip", "bench", "simulator"}


def test_no_function_is_longer_than_seventy_lines() -> None:
    long = [
        f"{module.name}:{node.lineno} {node.name}"
        for module in modules()
        for node in module.nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_no_module_is_longer_than_five_hundred_lines() -> None:
    long = [module.name for module in modules() if module.text.count("\n") > LONGEST_MODULE]
    assert [name for name in long if "/migrations/" not in name] == []


def test_every_module_opens_by_saying_what_lives_there() -> None:
    silent = [module.name for module in modules() if module.text.strip() and not ast.get_docstring(module.tree)]
    assert [name for name in silent if "/migrations/" not in name] == []


def test_there_are_at_most_twelve_rooms() -> None:
    rooms = {path.parent.relative_to(PACKAGE).parts[0] for path in PACKAGE.glob("*/*.py")}
    assert len(rooms) <= MOST_ROOMS, rooms


def test_no_room_or_module_has_a_name_that_says_nothing() -> None:
    named = {part for module in modules() for part in module.path.relative_to(ROOT).with_suffix("").parts}
    assert named & NO_NAMES == set()


def test_tests_live_in_the_same_rooms_as_the_code() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/test_*.py")}
    assert folders - rooms - TESTS_BESIDE_ROOMS == set()
