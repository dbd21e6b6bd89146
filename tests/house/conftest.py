"""Ends a run of the house tests with the functions that are longer than they should be."""

from __future__ import annotations

import ast

import pytest

from tests.house.tree import modules

AS_A_RULE = 40


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lists functions above the rule but below the limit, so that nobody is surprised by the limit."""
    for module in modules():
        for node in module.nodes():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > AS_A_RULE:
                    terminalreporter.write_line(f"{module.name}:{node.lineno} {node.name} has {length} lines")
