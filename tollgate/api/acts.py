"""`POST /api/v1/acts/<act>`: does an act by its name, with its arguments as a JSON object.

An act is served as soon as a file of an area has it (core.areas). The answer is `{"result": ..., "warnings": []}`,
where a record is told as `GET` tells it; 202 with the job that goes on, where the act has begun one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Never

from django.core.exceptions import RequestDataTooBig
from django.db import models
from django.http import HttpRequest

from tollgate.actions.acts import (
    Conflict,
    Invalid,
    NotEditable,
    NotFound,
    NotPermitted,
    NotYet,
    OutOfDate,
    acting,
    call_act,
)
from tollgate.actions.mailings import Mailing
from tollgate.actions.tasks import OPEN
from tollgate.api import noun_rows, nouns, schema
from tollgate.api.access import Caller, door
from tollgate.api.answers import Answer, Error, Refused, error, plain, unfit
from tollgate.api.repeats import once
from tollgate.core.areas import OWN_ACTS, STAFF_FIELDS
from tollgate.store.models import DelayedSave, Recalculation, Task

NOT_HERE: Final = "This is not changed here."
MAKES: Final = ("create_", "add_", "assign_")
_ETAG: Final = re.compile(r'(?:W/)?"?([0-9]{1,9})"?', re.ASCII)


@door("POST")
def do_act(request: HttpRequest, caller: Caller, act: str) -> Answer:
    """Does one act."""
    if act not in schema.served():
        raise Refused(404, "There is no such act.")
    if not caller.actor.may_do(act):
        raise Refused(403, "You may not do this.", str(NotPermitted(act)))
    arguments = _arguments(request, act)
    key = request.headers.get("Idempotency-Key", "").strip()
    match = request.headers.get("If-Match", "")
    said = b"\n".join((act.encode(), match.encode(), caller.actor.reason.encode(), request.body))
    owner = f"user:{caller.user_id}"
    return once(owner, key, said, lambda: _done(caller, act, arguments), at=datetime.now(UTC))


def _done(caller: Caller, act: str, arguments: dict[str, Any]) -> Answer:
    def run() -> Answer:
        with acting(caller.actor) as done:
            result = call_act(act, arguments)
        body = {"result": _told(result, caller), "warnings": list(done.warnings)}
        status = 202 if _job_of(result) is not None else 201 if act.startswith(MAKES) else 200
        return Answer(status, body, _headers(act, result))

    hidden: frozenset[str] = frozenset() if caller.actor.reach is None else STAFF_FIELDS | nouns.OPERATED_FIELDS
    return refusal_of(run, told=lambda name: name not in hidden)


def refusal_of(run: Callable[[], Answer], *, told: Callable[[str], bool]) -> Answer:
    """The answer of an act that was done, or what its refusal is told as; `told` says which fields of a record are."""
    try:
        return run()
    except NotPermitted as problem:
        return Refused(403, "You may not do this.", str(problem)).answer
    except NotFound as problem:
        return Refused(404, "There is no such record.", str(problem)).answer
    except NotEditable as problem:
        return Refused(403, NOT_HERE, errors=_errors(problem, schema.NOT_EDITABLE)).answer
    except NotYet as problem:
        return Refused(409, "This cannot be done yet.", errors=_errors(problem, "not_yet")).answer
    except Conflict as problem:
        return Refused(409, "This cannot be done as things are.", errors=_errors(problem, problem.code)).answer
    except Invalid as problem:
        return unfit(*_errors(problem, "invalid")).answer
    except OutOfDate as problem:
        current = {name: value for name, value in problem.current.items() if told(name)}
        return Refused(409, "Somebody else has changed this record.", str(problem), current=current).answer


def _errors(problem: Invalid, code: str) -> list[Error]:
    return [error(name, sentence, code=code) for name, told in problem.errors.items() for sentence in told]


def _told(result: object, caller: Caller) -> Any:
    if isinstance(result, (list, tuple)):
        return [_told(row, caller) for row in result]
    noun = nouns.BY_MODEL.get(type(result)) if isinstance(result, models.Model) else None
    if noun is None:
        return plain(result)
    assert isinstance(result, models.Model)
    noun = noun_rows.seen_by(noun, caller)
    found = noun_rows.told(noun, noun_rows.rows(noun).filter(pk=result.pk), noun_rows.fields_for(noun, caller))
    return next(iter(found), None) or plain(result)


def _job_of(result: object) -> int | None:
    """The job that goes on after the answer, if there is one."""
    if isinstance(result, Mailing):
        return result.task_id
    task = result.task if isinstance(result, Recalculation) else result
    return task.pk if isinstance(task, Task) and task.state in OPEN else None


def _headers(act: str, result: object) -> dict[str, str]:
    headers, job = {}, _job_of(result)
    if job is not None:
        headers["Location"] = f"/api/v1/tasks/{job}"
    if isinstance(result, models.Model) and hasattr(result, "version"):
        headers["ETag"] = f'"{result.version}"'
    noun = nouns.BY_MODEL.get(type(result)) if isinstance(result, models.Model) else None
    if noun is not None and act.startswith(MAKES):
        assert isinstance(result, models.Model)
        headers["Location"] = f"/api/v1/{noun.name}/{result.pk}"
    return headers


def _arguments(request: HttpRequest, act: str) -> dict[str, Any]:
    """The arguments from the body and the headers. Raises Refused for what cannot be."""
    given = body_of(request)
    match = request.headers.get("If-Match", "").strip()
    if match not in ("", "*"):
        _set_version(act, given, match)
    values, errors = schema.fit_arguments(act, given)
    if errors:
        raise _unfit(errors)
    if act == "delay_save":
        _check_delayed(str(values["act"]), values["arguments"])
    if act == "update_delayed_save" and values.get("arguments"):
        _check_altered(values["delayed_save_id"], values["arguments"])
    return values


def _set_version(act: str, given: dict[str, Any], match: str) -> None:
    """`If-Match` is the version that was seen."""
    found = _ETAG.fullmatch(match)
    if "version" not in schema.shape(act).arguments:
        raise unfit(error("If-Match", "What this act changes has no version."))
    if found is None or given.setdefault("version", int(found[1])) != int(found[1]):
        raise unfit(error("If-Match", "Give one ETag as it was told, and no other version in the body."))


def _check_delayed(act: str, arguments: dict[str, Any]) -> None:
    """What a delayed save will do must fit as if it were done now; the act itself tries whether it may be done."""
    if act not in schema.served() or act in OWN_ACTS:
        raise unfit(error("act", "There is no such act."))
    _, errors = schema.fit_arguments(act, arguments)
    if errors:
        raise _unfit([error(f"arguments.{one['field']}", one["message"], code=one["code"]) for one in errors])


def _check_altered(delayed_save_id: int, arguments: dict[str, Any]) -> None:
    """The same of what becomes another in one that waits; what is not named stays."""
    act = DelayedSave.objects.filter(pk=delayed_save_id).values_list("act", flat=True).first()
    _, errors = schema.fit_arguments(act, arguments) if act is not None else ({}, [])
    told = [one for one in errors if one["field"].partition(".")[0] in arguments]
    if told:
        raise _unfit([error(f"arguments.{one['field']}", one["message"], code=one["code"]) for one in told])


def _unfit(errors: Sequence[Error]) -> Refused:
    """The refusal of bad fields; of those alone that are not changed by this act, it is one of rights."""
    if all(one["code"] == schema.NOT_EDITABLE for one in errors):
        return Refused(403, NOT_HERE, errors=errors)
    return unfit(*errors)


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent. Raises Refused for what is none."""
    if request.content_type != "application/json":
        raise Refused(415, "Send JSON.", "Content-Type: application/json")
    try:
        value = json.loads(request.body or b"{}", parse_float=_no_fraction, parse_constant=_no_fraction)
        sound = all(_sound(text) for text in _texts(value))
    except RequestDataTooBig:
        raise Refused(413, "The body is too long.") from None
    except (ValueError, RecursionError) as problem:
        raise Refused(400, "The body cannot be read.", str(problem)) from None
    if not isinstance(value, dict):
        raise Refused(422, "Send a JSON object.", "Its names are the arguments of the act.")
    if not sound:
        raise Refused(422, "Some text holds signs that cannot be kept.", "Leave out U+0000 and lone surrogates.")
    return value


def _no_fraction(text: str) -> Never:
    raise ValueError(f"{text} is no whole number: amounts are whole micros or nanos, durations whole seconds.")


def _sound(text: str) -> bool:
    return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in text)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for row in value:
            yield from _texts(row)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
