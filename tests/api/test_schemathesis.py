"""Claims about the whole API, tried by schemathesis: what the document allows and forbids, at a real server.

Every operation of the document is called with some values that fit its schema and some that do not, by chance and at
the bounds of what it allows: those of the panel by a user who may do everything, those of the portal by a contact. It
may refuse, but never fail, nor answer in a way that the document does not tell; and without a token it tells nothing.
The document has no examples and no links, so the phases for those have nothing to try.

By hand, ten times as many values for the third eighth of the operations, and others than ever before:

    FUZZ_TIMES=10 FUZZ_PART=3/8 FUZZ_SEED=$RANDOM python -m pytest tests/api/test_schemathesis.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.overrides import Override
from schemathesis.specs.openapi import checks as conformance

from tests.journeys.panel_session import DATA_KEY, web_process

ASSEMBLE: Final = """
import django
django.setup()
from django.db import connection
from tests.api.caller import Api
from tests.panel.cast import PASSWORD
from tests.portal.cast import gather
from tollgate.actions.acts import Actor, acting
from tollgate.actions.contact_tokens import create_contact_token
from tollgate.actions.users import create_user, create_user_group
carla = gather().carla
with acting(Actor(carla.email, frozenset({"*"}), kind="contact", id=carla.pk, reach=frozenset({carla.customer_id}))):
    print(create_contact_token(contact_id=carla.pk, name="program", scopes=["*"]).secret)
with connection.cursor() as cursor:
    for table in ("app_user", "user_group"):
        cursor.execute(f"ALTER TABLE {table} ALTER COLUMN id RESTART WITH 7654321")
with acting(Actor("setup", frozenset({"*"}))):
    group = create_user_group(name="Fuzz", acts=["*"], areas=["*"])
    user = create_user(name="Fay", email="fay@demo.example", password=PASSWORD, group_ids=[group.pk])
print(Api.of(user).secret)
"""
"""Fay's and her group's ids are such as no wild value names: nobody shuts her out."""
CHECKS: Final = [
    checks.not_a_server_error,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_headers_conformance,
    conformance.response_schema_conformance,
    conformance.negative_data_rejection,
]
"""Not that every fitting value is taken: acts know more than a schema says, and tell it by 422."""
TIMES: Final = int(os.environ.get("FUZZ_TIMES", "1"))
PART, PARTS = map(int, os.environ.get("FUZZ_PART", "1/1").split("/"))
SEED: Final = int(os.environ.get("FUZZ_SEED", "7"))
EXAMPLES: Final = {GenerationMode.POSITIVE: 3 * TIMES, GenerationMode.NEGATIVE: TIMES}
AT_BOUNDS: Final = 3 * TIMES
"""Of each operation, evenly out of the first `MOST_BOUNDS` that its schema gives rise to."""
MOST_BOUNDS: Final = 80 * TIMES


@pytest.fixture
def server(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str, str]]:
    """The address of the API of the cast, Carla's token, and one that may do everything."""
    monkeypatch.setenv("TOLLGATE_API_PER_MINUTE", "1000000")
    here = Path(__file__).parents[2]
    environment = os.environ | {
        "TOLLGATE_DATABASE_URL": database_url, "TOLLGATE_DATA": str(tmp_path), "PYTHONPATH": str(here),
        "TOLLGATE_DATA_KEY": DATA_KEY,
    }  # fmt: skip
    made = subprocess.run(
        [sys.executable, "-c", ASSEMBLE], env=environment, check=False, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    with web_process(tmp_path, database_url=database_url) as address:
        of_contact, of_user = made.stdout.split()[-2:]
        yield f"{address}/api/v1", of_contact, of_user


@pytest.mark.slow
@pytest.mark.timeout(900 * TIMES)
def test_every_operation_answers_as_the_document_tells(server: tuple[str, str, str]) -> None:
    address, of_contact, of_user = server
    document = requests.get(f"{address}/openapi.json", timeout=30).json()
    del document["security"]  # here every request bears the token of its half
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=address)
    failures: dict[str, str] = {}
    statuses: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
    operations: list[Any] = [
        result.ok()  # type: ignore[union-attr]  # an error in the document is raised by it
        for result in schema.get_all_operations()
    ]
    operations.sort(key=lambda one: not one.path.startswith("/portal/"))  # while Carla is there
    operations = operations[PART - 1 :: PARTS]
    with closing(requests.Session()) as session:
        for operation in operations:
            at_portal = operation.path.startswith("/portal/")
            secret, counts = of_contact if at_portal else of_user, statuses[at_portal]
            shut = session.request(operation.method, address + operation.path.replace("{id}", "1"), json={}, timeout=30)
            assert shut.status_code == 401, operation.label
            for mode, count in EXAMPLES.items():
                try:
                    tried(operation, mode, count=count, session=session, secret=secret, statuses=counts)()
                except Unsatisfiable:
                    assert mode is GenerationMode.NEGATIVE, operation.label  # nothing can be wrong with no arguments
                except (FailureGroup, Failure) as problem:  # all operations are tried before any is told
                    failures[f"{operation.label} {mode.value}"] = told(problem)
            for case in at_bounds(operation):
                try:
                    statuses[at_portal][asked(case, session, secret)] += 1
                except (FailureGroup, Failure) as problem:
                    failures[f"{operation.label} at a bound"] = told(problem)
    assert not failures, "\n\n".join(f"{label}: {words}" for label, words in failures.items())
    for at_portal, counts in statuses.items() if TIMES == PARTS == 1 else ():
        tried_count = sum(operation.path.startswith("/portal/") is at_portal for operation in operations)
        assert min(counts[status] for status in (200, 404, 422)) > tried_count / 10, statuses


def tried(
    operation: Any,
    mode: GenerationMode,
    *,
    count: int,
    session: requests.Session,
    secret: str,
    statuses: Counter[int],
) -> Callable[[], None]:
    """Calls one operation with some values."""

    @seed(SEED)
    @settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            meet_the_cast(case)
        statuses[asked(case, session, secret)] += 1

    return attempt


def at_bounds(operation: Any) -> list[Any]:
    """Values at the bounds of an operation's schema and beyond, other methods, arguments left out: always the same."""
    made = CoverageGenerator(
        operation=operation,
        generation_modes=list(GenerationMode),
        generation_config=operation.schema.config.generation_for(operation=operation, phase="coverage"),
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )
    cases = list(islice(made, MOST_BOUNDS))
    return cases[:: max(len(cases) // AT_BOUNDS, 1)][:AT_BOUNDS]


def asked(case: Any, session: requests.Session, secret: str) -> int:
    """The status of the answer, which has to be one that the document tells. Raises what schemathesis finds."""
    if case.meta.generation.mode is GenerationMode.POSITIVE:
        case.headers.pop("Idempotency-Key", None)  # a repeat would only be told what its first was
    headers = {"Authorization": f"Bearer {secret}"}
    answer = case.call_and_validate(session=session, headers=headers, checks=CHECKS, timeout=60)
    return int(answer.status_code)


def meet_the_cast(case: Any) -> None:
    """Ids of records that there are: the first of each kind. A list of calls asks for all of them."""
    if "id" in case.path_parameters:
        case.path_parameters["id"] = 1
    if isinstance(case.body, dict):
        case.body |= {name: 1 for name, value in case.body.items() if name.endswith("_id") and value is not None}


def told(problem: BaseException) -> str:
    """The words of a failure, and of those within it."""
    inner = getattr(problem, "exceptions", ())
    return "\n".join([str(problem), *(str(one) for one in inner)])[:1500]
