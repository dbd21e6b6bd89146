"""Acts on departments: those that an operator adds to the built-in ones, for contacts and the notices to them.

What takes departments checks them by `check_known`; the database sees to it as well (schema_departments.sql).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import Invalid, NotEditable, act, refuse
from tollgate.core.departments import DEPARTMENTS, KEY, KEY_MOST, is_built_in, key_for
from tollgate.store.models import Account, Department
from tollgate.store.queries.departments import members_of, own_departments, told_of

MOST: Final = 100
"""How many an account may add: all of them are offered wherever one is chosen."""
MOST_CHOSEN: Final = MOST + len(DEPARTMENTS)
ELSEWHERE: Final[Mapping[str, str]] = {
    "key": "It stays what it is: contacts, files and programs know the department by it. Change the name.",
}


class DepartmentChanges(TypedDict, total=False):
    """What may be changed on a department."""

    name: str


def _name(value: object) -> str:
    text: str = checks.text(50, required=True)(value)
    if is_built_in(text):
        raise checks.Unfit("A built-in department is called so: choose another name.")
    return text


CHECKS: Final[Mapping[str, checks.Check]] = {
    "name": _name,
    "key": checks.matching(rf"({KEY})?", "Begin with a letter and use small letters, digits and _.", most=KEY_MOST),
}
CHOSEN: Final = checks.text(KEY_MOST, required=True)
"""A key that is chosen: whether there is such a department `check_known` says."""


@act
def create_department(*, account_id: int, name: str, key: str = "") -> Department:
    """Adds a department. Without a `key` it gets one like its name; the key never changes."""
    values = checks.cleaned(CHECKS, {"name": name, "key": key})
    account = records.locked(Account, account_id)  # several at once take turns to be counted
    taken = set(account.departments.values_list("key", flat=True))
    if len(taken) >= MOST:
        raise refuse("name", f"There are {MOST} departments already: change or delete one.")
    if values["key"] in DEPARTMENTS:
        raise refuse("key", "A built-in department has this key: choose another.")
    values["key"] = values["key"] or key_for(values["name"], taken)
    return records.create(Department, {**values, "account_id": account.pk})


@act
def update_department(
    *, department_id: int, version: int | None = None, **changes: Unpack[DepartmentChanges]
) -> Department:
    """Gives a department another name, which those in it have from now on."""
    elsewhere = {name: [sentence] for name, sentence in ELSEWHERE.items() if name in changes}
    if elsewhere:
        raise NotEditable(elsewhere)
    values = checks.cleaned(CHECKS, changes)
    return records.change(records.locked(Department, department_id, version), values)


@act
def delete_department(*, department_id: int, version: int | None = None) -> None:
    """Removes a department that nobody is in and that no notices go to. Deleted customers do not keep it: their
    contacts in it are in General then.
    """
    department = records.locked(Department, department_id, version)
    people, told = members_of(department), told_of(department)
    _check_unused(people.filter(customer__deleted_at=None).count(), told.filter(deleted_at=None).count())
    people.exclude(customer__deleted_at=None).update(kind="general")
    for customer in told.exclude(deleted_at=None):
        left = [one for one in customer.notification_departments if one != department.key]
        records.change(customer, {"notification_departments": left})
    with records.refusals_named():
        department.delete()


def check_known(account_id: int, values: Mapping[str, Any], field: str) -> None:
    """Refuses what names a department that is none, as one key or as several."""
    named = values.get(field, ())
    own = {named} if isinstance(named, str) else set(named)
    own -= DEPARTMENTS.keys()
    known = [one.key for one in own_departments(account_id)] if own else []
    if not own.issubset(known):
        raise refuse(field, f"Choose one of {', '.join([*DEPARTMENTS, *known])}.")


def named(field: str, account_id: int, text: str) -> str:
    """The key of the department that somebody names, by its name or key. Raises Invalid."""
    wanted = text.strip().casefold()
    own = {one.key: one.name for one in own_departments(account_id)}
    by_name = {name.casefold(): key for key, name in {**own, **DEPARTMENTS}.items()}
    by_key = {key: key for key in (*DEPARTMENTS, *own)}
    found = by_name.get(wanted) or by_key.get(wanted.replace(" ", "_"))
    if found is None:
        raise refuse(field, f"{text!r}: There is no department of this name.")
    return found


def _check_unused(contacts_count: int, customers_count: int) -> None:
    people = "1 contact is" if contacts_count == 1 else f"{contacts_count:,} contacts are"
    told = "1 customer go" if customers_count == 1 else f"{customers_count:,} customers go"
    sentences = []
    if contacts_count:
        sentences.append(f"{people} in this department: give them another first.")
    if customers_count:
        sentences.append(f"The notices of {told} to this department: choose others there first.")
    if sentences:
        raise Invalid({"department_id": sentences})
