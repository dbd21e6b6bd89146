"""No float comes near an amount, and the moment always comes in from outside."""

from __future__ import annotations

import ast
import re

from tests.house.tree import BELOW_FACES, SQL, Module, dotted, modules

CLOCKS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "datetime.datetime.now",
    "date.today",
    "datetime.date.today",
    "timezone.now",
    "time.time",
    "time.time_ns",
}
SQL_FLOAT = re.compile(r"\b(double\s+precision|real|float[48]?)\b", re.IGNORECASE)


def inexact(module: Module) -> list[str]:
    """Places where a float could appear."""
    found = []
    for node in module.nodes():
        match node:
            case ast.Constant(value=float()):
                what = "a float"
            case ast.Name(id="float"):
                what = "float"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                what = "true division"
            case _:
                continue
        found.append(f"{module.name}:{getattr(node, 'lineno', 0)} {what}")
    return found


def test_the_rules_know_no_float() -> None:
    assert [place for module in modules() if module.room == "core" for place in inexact(module)] == []


def test_the_tables_and_statements_know_no_float() -> None:
    found = []
    for path in sorted(SQL.glob("*.sql")):
        code = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
        found += [f"{path.name}: {match[0]}" for match in SQL_FLOAT.finditer(code)]
    assert found == []


def test_the_models_know_no_float_column() -> None:
    columns = {"FloatField", "DecimalField"}
    found = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        if module.room == "store"
        for node in module.nodes()
        if isinstance(node, ast.Attribute) and node.attr in columns
    ]
    assert found == []


def test_below_the_faces_nobody_looks_at_the_clock() -> None:
    found = [
        f"{module.name}:{node.lineno} {dotted(node)}"
        for module in modules()
        if module.room in BELOW_FACES
        for node in module.nodes()
        if isinstance(node, ast.Attribute) and dotted(node) in CLOCKS
    ]
    assert found == []
