"""Claims about departments by the API: kept like other nouns, and named by their keys."""

import pytest

from tests.api.caller import Api, fields_of
from tests.panel.cast import Cast
from tollgate.store.models import Department

pytestmark = pytest.mark.django_db


def test_departments_are_kept_by_programs(cast: Cast, ann: Api, rita: Api) -> None:
    made = ann.act("create_department", account_id=cast.account.pk, name="Field engineers").json()["result"]
    assert (made["key"], made["name"]) == ("field_engineers", "Field engineers")
    for query in ({"key": "field_engineers"}, {"name": "Field engineers"}):
        assert [row["id"] for row in ann.get("departments", query).json()["data"]] == [made["id"]]
    assert ann.get("departments", {"key": "desk"}).json()["data"] == []
    seen = ann.get(f"departments/{made['id']}")
    named = {"department_id": made["id"], "name": "Field"}
    assert ann.act("update_department", {"If-Match": seen["ETag"]}, **named).json()["result"]["name"] == "Field"
    late = ann.act("update_department", {"If-Match": seen["ETag"]}, **named)
    assert (late.status_code, late.json()["current"]["name"]) == (409, "Field")
    fixed = ann.act("update_department", department_id=made["id"], key="field")
    assert (fixed.status_code, fields_of(fixed)) == (403, {("key", "not_editable")})
    assert fields_of(ann.act("create_department", account_id=cast.account.pk, name="noc")) == {("name", "invalid")}
    for answer in (rita.get("departments"), rita.act("create_department", account_id=cast.account.pk, name="Hers")):
        assert answer.status_code == 403
    assert Department.objects.get().name == "Field"


def test_contacts_and_customers_name_departments_by_key(cast: Cast, ann: Api, rita: Api) -> None:
    made = ann.act("create_department", account_id=cast.account.pk, name="Field engineers").json()["result"]
    moved = ann.act("update_contact", contact_id=cast.contact.pk, kind="field_engineers")
    assert moved.json()["result"]["kind"] == "field_engineers"
    assert [row["id"] for row in ann.get("contacts", {"kind": "field_engineers"}).json()["data"]] == [cast.contact.pk]
    told = {"customer_id": cast.acme.pk, "notification_departments": ["field_engineers"]}
    assert ann.act("update_customer", **told).status_code == 200
    for wrong in ("Field engineers", "boss", ""):
        answer = ann.act("update_contact", contact_id=cast.contact.pk, kind=wrong)
        assert (answer.status_code, fields_of(answer)) == (422, {("kind", "invalid")}), wrong
        answer = ann.act("update_customer", **{**told, "notification_departments": [wrong]})
        assert (answer.status_code, fields_of(answer)) == (422, {("notification_departments", "invalid")}), wrong
    used = ann.act("delete_department", department_id=made["id"])
    assert (used.status_code, fields_of(used)) == (422, {("department_id", "invalid")})
    assert rita.act("delete_department", department_id=made["id"]).status_code == 403
