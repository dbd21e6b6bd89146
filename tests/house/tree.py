"""The code as the house tests see it: every module of the package, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tollgate"
SQL = PACKAGE / "store" / "sql"
BELOW_FACES = ("core", "store", "switches", "gateways", "actions", "ui")


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path from the project's root, as messages show it."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def room(self) -> str:
        """The first folder below the package."""
        return self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of the module."""
        return ast.walk(self.tree)


@cache
def modules() -> tuple[Module, ...]:
    """All modules of the package."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found.append(Module(path, text, ast.parse(text, path.name)))
    return tuple(found)


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain, empty for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            front = dotted(value)
            return f"{front}.{name}" if front else ""
        case _:
            return ""
