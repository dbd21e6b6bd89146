"""Claims about certificates by the API: made and changed by their acts, read without their key, not by resellers."""

import pytest

from tests.api.caller import Api, fields_of
from tests.panel.cast import Cast
from tests.stir_authority import URL, issued

pytestmark = pytest.mark.django_db


def test_a_certificate_is_made_read_and_changed_and_its_key_never_told(cast: Cast, ann: Api) -> None:
    own, other = issued(), issued()
    given = {"account_id": cast.account.pk, "name": "By API", "chain": own.chain, "key": own.key, "url": URL}
    made = ann.act("create_stir_certificate", **given)
    assert made.status_code == 201
    record = made.json()["result"]
    assert (record["codes"], record["is_default"]) == ("709J", False)
    one = ann.get(f"stir-certificates/{record['id']}")
    assert one.json() == record
    assert "key" not in " ".join(record)
    assert {row["name"] for row in ann.get("stir-certificates").json()["data"]} == {"By API", "Vouching"}
    by_default = ann.get("stir-certificates", {"is_default": "true"}).json()["data"]
    assert [row["name"] for row in by_default] == ["Vouching"]
    for change, field in (({"key": other.key}, "key"), ({"chain": "x"}, "chain"), ({"url": "x"}, "url")):
        answer = ann.act("update_stir_certificate", stir_certificate_id=record["id"], **change)
        assert (answer.status_code, {name for name, _ in fields_of(answer)}) == (422, {field})
    renewed = ann.act("update_stir_certificate", stir_certificate_id=record["id"], chain=other.chain, key=other.key)
    assert renewed.status_code == 200
    rule = {"account_id": cast.account.pk, "cli": "^44", "attestation": "A", "certificate_id": record["id"]}
    assert ann.act("create_cli_rule", **rule).json()["result"]["certificate_id"] == record["id"]
    assert ann.act("delete_stir_certificate", stir_certificate_id=record["id"]).status_code == 422
