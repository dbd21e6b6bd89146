"""The portal reaches records only through the contact's customer: never by a query of its own."""

from __future__ import annotations

import ast

from tests.house.tree import dotted, modules

DIRECT = {"objects", "_base_manager", "_default_manager", "get_object_or_404", "get_list_or_404"}


def test_the_portal_asks_only_questions_that_start_from_the_customer() -> None:
    direct = [
        f"{module.name}:{getattr(node, 'lineno', 0)} {dotted(node)}"
        for module in modules()
        if module.room == "portal"
        for node in module.nodes()
        if (isinstance(node, ast.Attribute) and node.attr in DIRECT)
        or (isinstance(node, ast.alias) and (node.name in DIRECT or node.name == "django.db"))
        or (isinstance(node, ast.ImportFrom) and node.module == "tollgate.actions.records")
    ]
    assert direct == []


def test_every_question_of_the_portal_takes_whose_records_it_may_tell() -> None:
    questions = next(module for module in modules() if module.name.endswith("store/queries/portal.py"))
    owners = {
        node.name: node.args.args[0].annotation for node in questions.tree.body if isinstance(node, ast.FunctionDef)
    }
    of_nobody = {"domain_of", "brand_of"}
    for name in owners.keys() - of_nobody:
        assert isinstance(owner := owners[name], ast.Name), name
        assert owner.id in {"Customer", "Contact"}, name
