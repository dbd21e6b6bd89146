"""What a site may choose about its edge: bad values name their field, good ones reach the files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tollgate.jobs.edge_programs import install_line, missing
from tollgate.jobs.edge_settings import (
    DEPLOY,
    ROUTING,
    EdgeSettings,
    EdgeSettingsInvalid,
    render_media,
    render_site,
    site_words,
)

GOOD: dict[str, Any] = {
    "name": "kam1",
    "listen_ip": "198.51.100.7",
    "service_url": "http://127.0.0.1:8080",
    "secret": "open-sesame",
    "database_url": "postgresql://tollgate:pw@127.0.0.1:5432/tollgate?sslmode=disable",
    "run_dir": Path("/var/lib/tollgate/sip"),
}
MODULES = Path("/usr/lib/kamailio/modules")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "kam 1"),
        ("secret", 'a"b'),
        ("secret", "a!b"),
        ("listen_ip", "1.2.3.4; rm"),
        ("listen_ip6", "198.51.100.7"),
        ("listen_ip6", "fe80::1%eth0"),
        ("public_ip", "x y"),
        ("realm", ""),
        ("service_url", "https://127.0.0.1:8080"),
        ("service_url", "http://host/path"),
        ("sip_port", 0),
        ("rpc_port", 65_536),
        ("rtp_ports", (40_000, 30_000)),
        ("rtp_ports", (80, 1000)),
    ],
)
def test_a_bad_setting_is_named(field: str, value: object) -> None:
    with pytest.raises(EdgeSettingsInvalid, match=f"^{field}: "):
        EdgeSettings(**{**GOOD, field: value})


def test_a_database_without_an_address_is_named() -> None:
    settings = EdgeSettings(**{**GOOD, "database_url": "postgresql:///tollgate"})
    with pytest.raises(EdgeSettingsInvalid, match=r"^database_url: "):
        settings.database_url_for("pw")


def test_the_edge_uses_a_role_of_its_own() -> None:
    settings = EdgeSettings(**{**GOOD, "name": "Kam-2.west"})
    assert settings.database_url_for("xyz") == "postgres://kamailio_kam_2_west:xyz@127.0.0.1:5432/tollgate"


def test_every_word_of_the_routing_is_defined_and_every_word_defined_is_used() -> None:
    words = set(site_words(EdgeSettings(**GOOD), database_password="pw", modules=MODULES))
    routing = "".join(path.read_text() for path in ROUTING.parent.glob("*.cfg"))
    used = set(re.findall(r"\bTG_[A-Z]+(?:_[A-Z]+)*", routing))
    example = (DEPLOY / "kamailio" / "site.cfg.example").read_text()
    assert used == words
    assert set(re.findall(r'^#!substdef "!(TG_[A-Z_]+)!', example, re.MULTILINE)) == words


def test_no_word_is_replaced_inside_a_longer_one() -> None:
    site = render_site(EdgeSettings(**GOOD), database_password="pw", modules=MODULES)
    order = re.findall(r"!(TG_[A-Z_]+)!", site)
    for place, word in enumerate(order):
        assert not any(word in later for later in order[place + 1 :])


def test_switches_are_off_when_not_wanted() -> None:
    on = render_site(EdgeSettings(**GOOD), database_password="pw", modules=MODULES)
    off = render_site(
        EdgeSettings(**{**GOOD, "media": False, "keepalive": False}), database_password="pw", modules=MODULES
    )
    for word in ("WITH_MEDIA", "WITH_KEEPALIVE"):
        assert word in on
        assert word not in off


def test_an_ipv6_address_is_told_to_both_programs() -> None:
    settings = EdgeSettings(**{**GOOD, "listen_ip6": "2001:db8::7"})
    site = render_site(settings, database_password="pw", modules=MODULES)
    assert '"!TG_SIX_LISTEN![2001:db8::7]:5060!g"' in site
    assert "#!define WITH_IPV6\n" in site
    assert "interface = 198.51.100.7;2001:db8::7\n" in render_media(settings)
    assert "WITH_IPV6" not in render_site(EdgeSettings(**GOOD), database_password="pw", modules=MODULES)


def test_no_two_edges_and_no_two_purposes_share_a_secret() -> None:
    edges = [EdgeSettings(**{**GOOD, "name": name}) for name in ("kam1", "kam2")]
    secrets = [secret for edge in edges for secret in (edge.secret, edge.rpc_secret, edge.nonce_secret)]
    assert len(set(secrets)) == 5  # the installation's is the same for both


def test_a_public_address_is_told_to_both_programs() -> None:
    settings = EdgeSettings(**{**GOOD, "public_ip": "203.0.113.9"})
    site = render_site(settings, database_password="pw", modules=MODULES)
    assert "198.51.100.7:5060 advertise 203.0.113.9:5060" in site
    assert "interface = 198.51.100.7!203.0.113.9\n" in render_media(settings)


def test_what_is_missing_can_be_typed() -> None:
    assert set(missing()) <= {
        "kamailio",
        "kamailio-extra-modules",
        "kamailio-utils-modules",
        "kamailio-postgres-modules",
        "kamailio-sqlite-modules",
        "rtpengine-daemon",
    }
    assert install_line(["kamailio"]) == "apt-get install --no-install-recommends kamailio"
