"""What a site may choose about its SIP edge, and how that becomes the files Kamailio and rtpengine read.

The routing itself (`deploy/kamailio/kamailio.cfg`) is the same everywhere; here only its `TG_` words are filled in. To
add a setting: a field of `EdgeSettings`, a word in `site_words`, and the word's use in the routing file.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from string import Template

import tollgate
from tollgate.switches import kamailio_rpc

DEPLOY = Path(tollgate.__file__).resolve().parents[1] / "deploy"
ROUTING = DEPLOY / "kamailio" / "kamailio.cfg"
MEDIA_TEMPLATE = DEPLOY / "rtpengine" / "rtpengine.conf"

_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
_HOST = re.compile(r"[A-Za-z0-9.-]+")


class EdgeSettingsInvalid(ValueError):
    """A setting of the edge cannot be obeyed; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """One edge node. Validated at construction, every error naming the field."""

    name: str
    """Which edge this is, in every message to the service; also names its schema and role in the database."""
    listen_ip: str
    service_url: str
    """Where the charging service listens: `http://host:port`."""
    secret: str
    """The installation's: shown to the service in the header X-Tollgate-Secret, and the root of `rpc_secret`."""
    database_url: str
    """A PostgreSQL whose user may create a role and a schema."""
    run_dir: Path
    realm: str = "tollgate.local"
    sip_port: int = 5060
    rpc_port: int = 8060
    rpc_ip: str = "127.0.0.1"
    listen_ip6: str = ""
    """An IPv6 address beside `listen_ip`, with the same port; calls cross between both."""
    public_ip: str = ""
    """What others must use to reach us, when a NAT stands before `listen_ip`."""
    media: bool = True
    control_port: int = 22222
    """Where rtpengine takes its orders, on `listen_ip`."""
    rtp_ports: tuple[int, int] = (30000, 39999)
    keepalive: bool = True
    """Ask both ends of every call every 30 s whether they still live."""
    dialogs_at_once: bool = False
    """Write each dialog to the database before the call goes on (safer by 3 s of answered calls, dearer)."""

    def __post_init__(self) -> None:
        for field in ("name", "secret"):
            if not _PLAIN.fullmatch(getattr(self, field)):
                raise EdgeSettingsInvalid(f"{field}: letters, digits, '.', '_', '~' and '-' only, and not empty")
        for field in ("listen_ip", "rpc_ip", "realm"):
            if not _HOST.fullmatch(getattr(self, field)):
                raise EdgeSettingsInvalid(f"{field}: {getattr(self, field)!r} is no host")
        if self.public_ip and not _HOST.fullmatch(self.public_ip):
            raise EdgeSettingsInvalid(f"public_ip: {self.public_ip!r} is no host")
        if self.listen_ip6 and not _is_ipv6(self.listen_ip6):
            raise EdgeSettingsInvalid(f"listen_ip6: {self.listen_ip6!r} is no IPv6 address")
        if not re.fullmatch(r"http://[A-Za-z0-9.:-]+", self.service_url):
            raise EdgeSettingsInvalid(f"service_url: {self.service_url!r} is not like http://host:port")
        for field in ("sip_port", "rpc_port", "control_port"):
            if not 1 <= getattr(self, field) <= 65535:
                raise EdgeSettingsInvalid(f"{field}: {getattr(self, field)} is no port")
        first, last = self.rtp_ports
        if not 1024 <= first < last <= 65535:
            raise EdgeSettingsInvalid(f"rtp_ports: {first}-{last} is no range of ports above 1023")

    @property
    def database_name(self) -> str:
        """The role and the schema of this edge: its dialogs are loaded at its start, so no two edges may share them."""
        return "kamailio_" + re.sub(r"[^a-z0-9]", "_", self.name.lower())

    @property
    def rpc_secret(self) -> str:
        """What the service shows to this edge."""
        return kamailio_rpc.secret_of(self.name, self.secret)

    @property
    def nonce_secret(self) -> str:
        """Signs nonces and Record-Routes of this edge: what was used at one edge must be of no use at another."""
        return hmac.digest(self.secret.encode(), f"nonce:{self.name}".encode(), "sha256").hex()

    @property
    def spool(self) -> Path:
        return self.run_dir / "spool.sqlite"

    @property
    def recording_dir(self) -> Path:
        """Where rtpengine leaves what it recorded (`pcaps/`, `metadata/`)."""
        return self.run_dir / "rtpengine"

    def database_url_for(self, password: str) -> str:
        """The address Kamailio uses: the same server and database, the edge's own role."""
        found = re.fullmatch(r"postgres(?:ql)?://(?:[^@/]*@)?([^/?@]+)/([^/?]+)(?:\?.*)?", self.database_url)
        if found is None:
            raise EdgeSettingsInvalid("database_url: not like postgresql://user:password@host:port/name")
        return f"postgres://{self.database_name}:{password}@{found[1]}/{found[2]}"


def _is_ipv6(text: str) -> bool:
    try:
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def site_words(settings: EdgeSettings, *, database_password: str, modules: Path) -> dict[str, str]:
    """Every word of the routing file and what it stands for here."""
    port = settings.sip_port
    listen = f"{settings.listen_ip}:{port}"
    if settings.public_ip:
        listen += f" advertise {settings.public_ip}:{port}"
    return {
        "TG_NAME": settings.name,
        "TG_REALM": settings.realm,
        "TG_LISTEN": listen,
        "TG_SIX_LISTEN": f"[{settings.listen_ip6}]:{port}",
        "TG_RPC_IP": settings.rpc_ip,
        "TG_RPC_PORT": str(settings.rpc_port),
        "TG_MODULES": f"{modules}/",
        "TG_SERVICE": settings.service_url.removeprefix("http://"),
        "TG_SECRET": settings.secret,
        "TG_RPC_SECRET": settings.rpc_secret,
        "TG_NONCE_SECRET": settings.nonce_secret,
        "TG_DB_URL": settings.database_url_for(database_password),
        "TG_DB_MODE": "1" if settings.dialogs_at_once else "2",
        "TG_SPOOL": str(settings.spool),
        "TG_CTL": str(settings.run_dir / "ctl"),
        "TG_RTPENGINE": f"udp:{settings.listen_ip}:{settings.control_port}",
    }


def render_site(settings: EdgeSettings, *, database_password: str, modules: Path) -> str:
    """The file Kamailio is started with: the site's words, then the routing."""
    lines = ["#!KAMAILIO", "# Written anew at every start of the edge: change the settings, not this file."]
    words = site_words(settings, database_password=database_password, modules=modules)
    for word in sorted(words, key=len, reverse=True):  # TG_NAME must not be found inside a longer word
        value = words[word]
        if set(value) & set('!"\n'):
            raise EdgeSettingsInvalid(f"{word}: may not contain '!' or a quote: {value!r}")
        lines.append(f'#!substdef "!{word}!{value}!g"')
    if settings.media:
        lines.append("#!define WITH_MEDIA")
    if settings.listen_ip6:
        lines.append("#!define WITH_IPV6")
    if settings.keepalive:
        lines.append("#!define WITH_KEEPALIVE")
    lines.append(f'include_file "{ROUTING}"')
    return "\n".join(lines) + "\n"


def render_media(settings: EdgeSettings) -> str:
    """The configuration of rtpengine."""
    interface = settings.listen_ip + (f"!{settings.public_ip}" if settings.public_ip else "")
    if settings.listen_ip6:
        interface += f";{settings.listen_ip6}"
    first, last = settings.rtp_ports
    return Template(MEDIA_TEMPLATE.read_text(encoding="utf-8")).substitute(
        interface=interface,
        control=f"{settings.listen_ip}:{settings.control_port}",
        port_min=str(first),
        port_max=str(last),
        recording_dir=str(settings.recording_dir),
    )
