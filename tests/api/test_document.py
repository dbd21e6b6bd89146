"""Claims about the OpenAPI document: it holds everything the API does, and its own references."""

import json
import re

import pytest
from django.test import Client

from tollgate.api.books import BOOKS
from tollgate.api.files import FILES
from tollgate.api.nouns import NOUNS
from tollgate.api.schema import shape
from tollgate.api.trials import TRIALS
from tollgate.core.areas import OWN_ACTS
from tollgate.panel.rights_field import grantable


@pytest.fixture
def document() -> dict[str, object]:
    """The document, as anybody gets it."""
    answer = Client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    read: dict[str, object] = answer.json()
    return read


def test_every_act_that_a_group_can_give_is_in_the_document(document: dict[str, dict[str, object]]) -> None:
    acts = {path.removeprefix("/acts/") for path in document["paths"] if path.startswith("/acts/")}
    assert acts == {name for names in grantable().values() for name in names} | OWN_ACTS
    assert len(acts) > 90
    nouns = {f"/{noun.name}" for noun in NOUNS} | {f"/{noun.name}/{{id}}" for noun in NOUNS}
    files = {f"/{noun}/{{id}}/{name}" for noun, kinds in FILES.items() for name in kinds}
    others = {f"/books/{name}" for name in BOOKS} | {f"/try/{name}" for name in TRIALS} | {"/summaries"}
    assert nouns | files | others == {path for path in document["paths"] if not path.startswith(("/acts/", "/portal/"))}


def test_the_document_tells_each_argument_as_the_act_takes_it(document: dict[str, dict[str, dict[str, dict]]]) -> None:  # type: ignore[type-arg]
    for path, methods in document["paths"].items():
        if path.startswith("/acts/"):
            body = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
            arguments = shape(path.removeprefix("/acts/")).arguments
            assert set(body["properties"]) == set(arguments)
            assert set(body["required"]) == {name for name, one in arguments.items() if one.required}
    create = document["paths"]["/acts/create_customer"]["post"]
    properties = create["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert properties["expires_at"]["anyOf"][0] == {"type": "string", "format": "date-time"}


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, dict[str, object]]) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(document["components"]["schemas"])  # type: ignore[call-overload]  # a mapping
    ids = re.findall(r'"operationId": "([^"]+)"', json.dumps(document))
    assert len(ids) == len(set(ids))


def test_every_operation_tells_what_the_web_server_and_a_damaged_lake_answer(
    document: dict[str, dict[str, dict[str, dict]]],  # type: ignore[type-arg]
) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert {"414", "503"} <= set(operation["responses"]), path
