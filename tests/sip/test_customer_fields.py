"""Claims about the fields of a customer's record: a real INVITE obeys each of them within a second of its save."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.sip.harness import CLI
from tests.sip.scene import PER_SECOND, Scene, Seller, audible
from tests.sip.sipp import CallResult, Message, until
from tests.world import EURO
from tollgate.core.pins import CALLER_MOST
from tollgate.jobs.recordings import collect
from tollgate.store.pins import mark

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]
NUMBER = "442071838750"
OWN = "442079460999"
PAI = f'P-Asserted-Identity: "Acme" <sip:+{OWN}@acme.example>'
SECRET = "correct-horse-7"


def saved(scene: Scene, table: str, row_id: int, **columns: Any) -> None:
    """A save, and the moment until it is obeyed."""
    scene.world.update(table, row_id, **columns)
    scene.obeyed()


def call(scene: Scene, seller: Seller, **more: Any) -> CallResult:
    return scene.edge.call(caller=seller.ip, **{"cld": NUMBER, "hold_ms": 100, **more})


def offered(scene: Scene, seller: Seller, result: CallResult) -> Message:
    """The INVITE that the seller's first carrier got."""
    return scene.carrier_at(seller.gateways[0]).wait_for("INVITE", call_id=result.call_id)


def test_the_caller_s_identity_is_asserted_as_the_customer_and_then_the_carrier_say(scene: Scene) -> None:
    seller = scene.seller()
    plus = f"+{OWN}"
    cases = [
        ("default", "default", PAI, plus),
        ("default", "default", "", CLI),
        ("default", "if_available", "", None),
        ("remove", "default", PAI, None),
        ("if_available", "default", PAI, plus),
        ("if_available", "default", "", None),
        ("required", "remove", PAI, None),
    ]
    for own_mode, carrier_mode, header, expected in cases:
        scene.world.update("carrier", seller.carriers[0], pai_mode=carrier_mode)
        saved(scene, "customer", seller.customer, pai_mode=own_mode)
        invite = offered(scene, seller, call(scene, seller, headers=header))
        edge = scene.edge.settings.listen_ip
        told = [] if expected is None else [f"<sip:{expected}@{edge}>"]
        assert invite.headers("P-Asserted-Identity") == told, (own_mode, carrier_mode, header)
    refused = call(scene, seller)
    scene.assert_refused(refused, "paid_required", seller.customer)


def test_the_customer_s_timeouts_come_before_the_carrier_s(scene: Scene) -> None:
    quick = {"first_reply_s": 1, "pdd_s": 1, "ring_s": 1}
    rings = scene.seller(carriers=("ring",), **quick)
    result = call(scene, rings)
    assert (result.code, result.reason) == (480, "No Answer")
    assert 0.9 <= result.setup_s < 10, "the carrier's own would be 20 and more"
    tries = scene.seller(carriers=("try", "silent", "answer"), carrier={"first_reply_s": 20}, **quick)
    result = call(scene, tries)
    assert result.code == 200
    assert result.setup_s < 15
    cdr = scene.cdr(result.call_id)
    assert [attempt["why"] for attempt in cdr["detail"]["attempts"]] == ["no_ringing", "no_reply"]
    assert cdr["carrier_id"] == tries.carriers[2]
    scene.assert_books()


def test_a_penalty_ends_at_its_moment_and_an_inactive_customer_rests_until_then(scene: Scene) -> None:
    now = datetime.now(UTC)
    seller = scene.seller(status="penalty", status_until=now + timedelta(hours=1))
    refused = call(scene, seller)
    scene.assert_refused(refused, "status_penalty", seller.customer)
    saved(scene, "customer", seller.customer, status_until=now - timedelta(seconds=1))
    assert call(scene, seller).code == 200


def test_the_validity_counts_from_the_day_the_customer_was_made_when_the_account_says_so(scene: Scene) -> None:
    seller = scene.seller(valid_days=10, created_at=datetime.now(UTC) - timedelta(days=11))
    assert call(scene, seller).code == 200
    saved(scene, "account", scene.world.account, valid_from_creation=True)
    try:
        assert (call(scene, seller).reason) == "Account Expired"
    finally:
        saved(scene, "account", scene.world.account, valid_from_creation=False)


def test_an_attempt_that_nobody_took_starts_no_validity_and_the_first_call_does(scene: Scene) -> None:
    seller = scene.seller(carriers=("ring", "answer"), ring_s=1, valid_days=1)
    saved(scene, "route_option", _option(scene, seller, 1), excluded=True)
    assert call(scene, seller).code == 480
    until(lambda: scene.live_count() == 0, what="its end")
    assert scene.world.wallet("customer", seller.customer)["first_used_at"] is None
    saved(scene, "route_option", _option(scene, seller, 1), excluded=False)
    saved(scene, "route_option", _option(scene, seller, 0), excluded=True)
    result = call(scene, seller)
    assert result.code == 200
    answered_at = scene.cdr(result.call_id)["answered_at"]
    assert scene.world.wallet("customer", seller.customer)["first_used_at"] == answered_at
    assert call(scene, seller).code == 200
    assert scene.world.wallet("customer", seller.customer)["first_used_at"] == answered_at


def _option(scene: Scene, seller: Seller, place: int) -> int:
    """What the seller's route says of its carrier at a place."""
    rows = scene.world.rows("SELECT id FROM route_option WHERE ingress_route_id = %s ORDER BY position", seller.route)
    return int(rows[place][0])


def test_only_approved_numbers_are_shown_and_one_address_serves_two_customers(scene: Scene) -> None:
    seller = scene.seller(approved_clis_only=True)
    other = scene.seller()
    refused = call(scene, seller, cli=OWN)
    scene.assert_refused(refused, "cli_restricted", seller.customer)
    verified = scene.world.insert("verified_cli", customer_id=seller.customer, number=OWN)
    scene.obeyed()
    assert call(scene, seller, cli=f"+{OWN}").code == 200
    assert call(scene, seller, cli=OWN, headers=PAI.replace(OWN, NUMBER)).code == 603
    scene.world.insert("verified_cli", customer_id=other.customer, number=CLI)
    for endpoint in (seller.endpoint, other.endpoint):
        saved(scene, "endpoint", endpoint, network=seller.ip, cli_authentication=True)
    for cli, customer in ((OWN, seller.customer), (CLI, other.customer)):
        assert scene.cdr(call(scene, seller, cli=cli).call_id)["customer_id"] == customer
    stranger = call(scene, seller, cli="442012345678")
    assert (stranger.code, scene.cdr(stranger.call_id)["customer_id"]) == (603, None)
    scene.world.rows("DELETE FROM verified_cli WHERE id = %s RETURNING id", verified)
    scene.obeyed()
    assert call(scene, seller, cli=OWN).code == 603


def phone(scene: Scene, customer: int, user: str, last: int) -> str:
    """A phone that has registered and takes calls."""
    ip = scene.edge.address(last)
    scene.world.sip_user(customer, user, SECRET, realm=scene.edge.settings.realm, shared=True)
    registered = lambda: scene.edge.register(ip=ip, user=user, password=SECRET).code == 200  # noqa: E731
    until(registered, what="the registration")
    return ip


def test_a_local_call_is_sold_at_its_own_price_and_reaches_the_phone(scene: Scene) -> None:
    profile = scene.world.insert(
        "localization",
        account_id=scene.world.account,
        name="Baltic",
        terminate_cli_in="44/0",
        terminate_cld="7/44207",
    )
    baltic = scene.seller(localization_id=profile)
    acme = scene.seller(local_price_nanos=60_000_000, local_increment_s=6)
    ip = phone(scene, baltic.customer, "71001", 240)
    taken = scene.edge.carrier(ip, "answer")
    result = call(scene, acme, cld="71001", cli=OWN, hold_ms=6300)
    assert result.code == 200
    cdr = scene.cdr(result.call_id)
    assert (cdr["state"], cdr["destination"], cdr["billed_s"], cdr["cost_micros"]) == ("charged", "Local", 12, 12_000)
    assert (cdr["carrier_id"], cdr["profit_micros"], cdr["held_micros"] > 12_000) == (None, 12_000, True)
    assert scene.world.wallet("customer", acme.customer)["balance_micros"] == 5 * EURO - 12_000
    assert "local_call" in [gate["gate"] for gate in cdr["detail"]["gates"]]
    invite = taken.wait_for("INVITE", call_id=result.call_id)
    assert f"<sip:0{OWN[2:]}@" in invite.header("From")
    assert invite.header("P-Called-Party-ID").startswith("<sip:442071001@")
    saved(scene, "customer", acme.customer, local_price_nanos=0, debit_limit_micros=-5 * EURO)
    assert call(scene, acme).code == 402
    assert call(scene, acme, cld="71001").code == 200
    today = datetime.now(UTC).date()
    closed = {"zone": "UTC", "windows": [], "holidays": [str(today), str(today + timedelta(days=1))]}
    saved(scene, "customer", acme.customer, hours=closed, debit_limit_micros=0)
    scene.assert_refused(call(scene, acme), "time_restricted", acme.customer)
    assert call(scene, acme, cld="71001").code == 200, "hours are those of termination alone"
    saved(scene, "customer", acme.customer, hours=None)
    saved(scene, "customer", baltic.customer, status="inactive")
    assert call(scene, acme, cld="71001").code == 403
    saved(scene, "customer", acme.customer, local_calls=False, debit_limit_micros=0)
    assert call(scene, acme, cld="71001").reason == "No Routes Available (Pre)"
    scene.assert_books()


def test_a_local_call_ends_with_the_money(scene: Scene) -> None:
    acme = scene.seller(money_micros=3_000, local_price_nanos=60_000_000, local_increment_s=1)
    ip = phone(scene, acme.customer, "72001", 241)
    scene.edge.carrier(ip, "answer")
    result = call(scene, acme, cld="72001", hold_ms=None)
    assert (result.ended_by, 2.0 <= result.duration_s <= 5.0) == ("edge", True)
    assert scene.cdr(result.call_id)["cost_micros"] <= 3_000
    scene.assert_books()


def test_numbers_are_written_as_the_customer_writes_them_on_its_side(scene: Scene) -> None:
    profile = scene.world.insert(
        "localization",
        account_id=scene.world.account,
        name="London",
        originate_cli_in="020/4420",
        originate_cli_out="44/0044",
        originate_cld="00/*,0/44",
    )
    seller = scene.seller(localization_id=profile)
    result = call(scene, seller, cld="02071838750", cli="02079460999")
    invite = offered(scene, seller, result)
    assert f"sip:{NUMBER}@" in invite.uri
    assert "<sip:0044207946" in invite.header("From")
    assert scene.cdr(result.call_id)["number"] == NUMBER
    assert call(scene, seller, cld="02071838750", cli="$var(code)020").code == 200
    saved(scene, "localization", profile, originate_cld="02/442,03/443")
    result = call(scene, seller, cld="02071838750", cli="02079460999")
    assert scene.cdr(result.call_id)["number"] == NUMBER
    assert call(scene, seller, cld="00442071838750").code == 503
    saved(scene, "localization", profile, originate_cld=r"^0(20\d{8})$/44$1", originate_cli_out=r"^44(\d*)$/0044$1")
    result = call(scene, seller, cld="02071838750", cli="02079460999")
    assert (result.code, scene.cdr(result.call_id)["number"]) == (200, NUMBER)
    assert "<sip:0044207946" in offered(scene, seller, result).header("From")
    assert call(scene, seller, cld="0207183875").code != 200


def test_an_endpoint_s_rewrites_choose_the_route_and_a_tag_lends_its_own(scene: Scene) -> None:
    seller = scene.seller(route={"tech_prefix": "77"})
    assert call(scene, seller).reason == "No Route Available"
    saved(scene, "endpoint", seller.endpoint, rewrites=[{"target": "cld", "current": "^(44)", "new": "77$1"}])
    result = call(scene, seller)
    assert (result.code, scene.cdr(result.call_id)["number"]) == (200, NUMBER)
    tag = scene.world.insert("tag", account_id=scene.world.account, name="Wholesale")
    saved(scene, "ingress_route", seller.route, customer_id=None, tag_id=tag)
    assert call(scene, seller).reason == "No Route Available"
    scene.world.insert("customer_tag", customer_id=seller.customer, tag_id=tag)
    scene.obeyed()
    result = call(scene, seller)
    assert (result.code, scene.cdr(result.call_id)["ingress_route_id"]) == (200, seller.route)
    scene.world.rows("DELETE FROM customer_tag WHERE tag_id = %s RETURNING id", tag)
    scene.obeyed()
    assert call(scene, seller).code == 580


def test_calls_whose_carriers_all_lose_money_or_are_locked_out_are_refused(scene: Scene) -> None:
    seller = scene.seller(costs=({**PER_SECOND, "price_nanos": 60_000_001, "increment_s": 60},))
    assert call(scene, seller).code == 200
    saved(scene, "customer", seller.customer, loss_making_calls="warn")
    warned = call(scene, seller)
    assert warned.code == 200
    (told,) = [gate for gate in scene.cdr(warned.call_id)["detail"]["gates"] if gate["gate"] == "loss_warning"]
    assert (told["ok"], told["values"]["cost_micros"] > told["values"]["charge_micros"]) == (True, True)
    saved(scene, "customer", seller.customer, loss_making_calls="refuse")
    scene.assert_refused(call(scene, seller), "no_carrier", seller.customer, variant="profit_assurance")
    saved(scene, "customer", seller.customer, loss_making_calls="allow")
    ((option,),) = scene.world.rows("SELECT id FROM route_option WHERE ingress_route_id = %s", seller.route)
    saved(scene, "route_option", option, excluded=True)
    scene.assert_refused(call(scene, seller), "no_carrier", seller.customer, variant="lock")


def test_a_pin_from_a_server_for_calling_cards_makes_the_call_its_holders_and_is_written_nowhere(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(scene.charging.folder))  # the key of that installation
    world, pin = scene.world, "48291573"
    voice, holder, other = scene.seller(endpoint={"presents_pins": True}), scene.seller(), scene.seller()
    place = world.insert("access_number", account_id=world.account, number="37052000000")
    world.insert("pin", customer_id=holder.customer, mark=mark(world.account, pin), access_number_id=place)
    scene.obeyed()

    def presented(seller: Seller, digits: str = pin, number: str = "+37052000000") -> CallResult:
        headers = f"X-Tollgate-PIN: {digits}\r\n      X-Tollgate-Access: {number}"
        return call(scene, seller, headers=headers, hold_ms=1500)

    result = presented(voice)
    assert result.code == 200
    cdr = scene.cdr(result.call_id)
    assert (cdr["customer_id"], cdr["endpoint_id"], cdr["cost_micros"] > 0) == (holder.customer, voice.endpoint, True)
    invite = offered(scene, holder, result)  # by the holder's route and carrier
    assert "tollgate" not in invite.text.lower()
    assert pin not in invite.text
    saved(scene, "customer", holder.customer, expires_at=datetime.now(UTC))
    scene.assert_refused(presented(voice), "customer_expired", holder.customer)
    saved(scene, "customer", holder.customer, expires_at=None)
    scene.assert_refused(presented(voice, number="+37052000001"), "access_number_unknown", None)
    for _ in range(CALLER_MOST):
        scene.assert_refused(presented(voice, "48291574"), "pin_unknown", None)
    scene.assert_refused(presented(voice), "pin_locked", None)
    scene.assert_refused(presented(other), "pin_not_allowed", None)
    assert call(scene, voice).code == 200  # without a PIN it is the server's own customer who calls
    assert world.written_down(pin) == []
    said = [path for path in scene.edge.folder.rglob("*") if path.is_file() and "sipp" not in path.parts]
    assert any(path.suffix == ".log" for path in said)
    assert [path for path in said if pin.encode() in path.read_bytes()] == []
    scene.assert_books()


def test_vars_name_headers_that_do_not_go_on_and_the_account_answers_in_its_own_words(scene: Scene) -> None:
    seller = scene.seller()
    headers = "History-Info: <sip:1@a>\r\n      User-To-User: 00"
    invite = offered(scene, seller, call(scene, seller, headers=headers))
    assert (invite.header("History-Info"), invite.header("User-To-User")) == ("<sip:1@a>", "00")
    saved(scene, "customer", seller.customer, vars_toml='[headers]\nremove_regex = "^(History-.*|.*)$"')
    result = call(scene, seller, headers=headers)
    invite = offered(scene, seller, result)
    assert (result.code, invite.header("History-Info"), invite.header("User-To-User")) == (200, "", "")
    words = [{"refusal": "number_invalid", "sip": 404, "reason": "No Such Number"}]
    saved(scene, "account", scene.world.account, sip_rewrites=words)
    try:
        refused = call(scene, seller, cld="rubbish")
        assert (refused.code, refused.reason) == (404, "No Such Number")
        cdr = scene.cdr(refused.call_id)
        assert (cdr["refusal"], cdr["sip_sent"], cdr["detail"]["reason"]) == ("number_invalid", 404, "No Such Number")
    finally:
        saved(scene, "account", scene.world.account, sip_rewrites=[])


def test_a_schedule_among_the_vars_is_obeyed_by_its_own_clock(scene: Scene) -> None:
    hour = datetime.now(UTC).hour
    ahead = 3 if hour < 12 else -3
    span = (
        f"{hour + ahead}-{hour + ahead + 2}"  # not now in UTC, and for an hour at least where the clock is that ahead
    )
    written = f'[schedule]\nweek = "{span}"\nweekend = "{span}"\n'
    seller = scene.seller(vars_toml=written)
    scene.assert_refused(call(scene, seller), "time_restricted", seller.customer)
    saved(scene, "customer", seller.customer, vars_toml=f"{written}offset = {ahead}")
    assert call(scene, seller).code == 200
    saved(scene, "customer", seller.customer, vars_toml=f"{written}offset = {-ahead}")
    assert call(scene, seller).code == 480


def test_a_call_is_recorded_where_the_account_and_the_route_or_for_it_the_customer_say_so(
    scene: Scene, tmp_path: Path
) -> None:
    seller, world = scene.seller(route={"media": "proxy"}), scene.world
    spoken, made = audible(tmp_path / "tone.al", seconds=1), set[str]()
    said, expected = list[Any](), list[Any]()
    try:
        for account, customer, route, recorded in (
            (False, True, "on", False), (True, False, "inherit", False), (True, True, "off", False),
            (True, True, "inherit", True), (True, False, "on", True),
        ):  # fmt: skip
            world.update("account", world.account, recording=account)
            world.update("customer", seller.customer, recording=customer)
            saved(scene, "ingress_route", seller.route, recording=route)
            result = call(scene, seller, hold_ms=600, media=spoken)
            assert result.code == 200
            said.append(scene.cdr(result.call_id)["id"])
            expected += [said[-1]] if recorded else []
    finally:
        saved(scene, "account", world.account, recording=False)

    def files() -> set[str]:
        made.update(path.stem for path in collect(scene.edge.settings.recording_dir, tmp_path / "kept"))
        return made

    until(lambda: files() >= set(map(str, expected)), what="the files")
    assert files() == set(map(str, expected)), "of the calls before the last nothing more can come"
    assert len(said) == 5


def test_a_pbx_and_a_conference_room_are_rung_at_their_addresses_as_local_calls(scene: Scene) -> None:
    acme = scene.seller(local_price_nanos=60_000_000, local_increment_s=6)
    user = {"user": "73009", "password": SECRET}
    desk = phone(scene, acme.customer, user["user"], 242)
    pbx, server = scene.edge.address(243), scene.edge.address(244)
    taken, conference = scene.edge.carrier(pbx, "answer"), scene.edge.carrier(server, "answer")
    scene.world.ip_endpoint(acme.customer, pbx, name="PBX", extensions="73100-73149, 73160")
    owner = {"account_id": scene.world.account, "customer_id": acme.customer}
    room = scene.world.insert("conference_room", **owner, name="Monday", extension=73500, host=server, channels=1)
    scene.obeyed()

    for cld, sipp, kind in (("73160", taken, "endpoint"), ("73500", conference, "conference_room")):
        result = call(scene, acme, cld=cld, cli=OWN, hold_ms=300)
        assert result.code == 200
        invite = sipp.wait_for("INVITE", call_id=result.call_id)
        assert invite.first_line.startswith(f"INVITE sip:{cld}@{sipp.ip}")
        assert f"<sip:{OWN}@" in invite.header("From")
        cdr = scene.cdr(result.call_id)
        assert (cdr["state"], cdr["destination"], cdr["cost_micros"], cdr["carrier_id"]) == (
            "charged", "Local", 6_000, None,
        )  # fmt: skip
        told = {gate["gate"]: gate["values"] for gate in cdr["detail"]["gates"]}
        assert (told["local_call"]["kind"], told["local_call"]["user"]) == (kind, cld)

    talking = scene.edge.place(caller=desk, cld="73500", hold_ms=3000, **user)
    talking.wait_for_answer()
    full = call(scene, acme, cld="73500")
    scene.assert_refused(full, "conference_full", acme.customer)
    assert scene.world.wallet("conference_room", room)["channels"] == 1
    assert call(scene, acme, cld="73149").code == 200
    saved(scene, "conference_room", room, channels=2)
    assert call(scene, acme, cld="73500").code == 200
    assert talking.result().code == 200
    back = scene.edge.call(caller=pbx, cld="73100", port=5070, hold_ms=100)
    scene.assert_refused(back, "local_loop", acme.customer)
    saved(scene, "conference_room", room, enabled=False)
    scene.assert_refused(call(scene, acme, cld="73500"), "number_unallocated", acme.customer)
    assert scene.edge.errors() == []
