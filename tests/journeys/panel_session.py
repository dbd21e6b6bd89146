"""The real panel for stories beside the browser's: its web process, and a user who signs in and sends its forms.

with web_process(folder, database_url=url) as address:
    ann = Session(address)
    ann.log_in("ann@demo.example", PASSWORD)
    ann.save("/customers/1/edit/", channels="4")
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

from tests.ports import free_port
from tests.sip.sipp import until

DATA_KEY = "the same for who sets a password and who checks it"
MAKE_OPERATOR = """
import sys
import django
django.setup()
from tollgate.actions.acts import Actor, acting
from tollgate.actions.users import create_user, create_user_group
with acting(Actor("setup", frozenset({"*"}))):
    group = create_user_group(name=f"Group of {sys.argv[1]}", acts=["*"], areas=["*"])
    create_user(
        name=sys.argv[1].partition("@")[0].capitalize(), email=sys.argv[1], password=sys.argv[2], group_ids=[group.pk],
        reseller_id=int(sys.argv[3]) or None,
    )
"""


class Fields(HTMLParser):
    """What a browser would send of the page's forms: every field by its name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = self._area = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        name, value = known.get("name") or "", known.get("value") or ""
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in known:
            self.values[self._select] = value
        elif tag == "textarea":
            self._area = name
            self.values[name] = ""
        elif tag == "input" and name and (known.get("type") not in ("checkbox", "radio") or "checked" in known):
            self.values[name] = value or ("on" if known.get("type") == "checkbox" else "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data.removeprefix("\n")


class Session:
    """One user at the panel, by plain HTTP with cookies and tokens."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def log_in(self, email: str, password: str) -> None:
        """Through the login page."""
        self.save("/account/login/", login=email, password=password)

    def save(self, page: str, **changes: str) -> None:
        """Opens a form, changes these fields, sends it and requires that the panel took it and led elsewhere."""
        fields = Fields(self.read(page))
        assert set(changes) <= set(fields.values), (page, set(fields.values))
        body = urlencode({**fields.values, **changes}).encode()
        with self._opener.open(self.address + page, body, timeout=20) as answer:
            assert answer.url != self.address + page, answer.read().decode()

    def press(self, page: str, action: str) -> None:
        """Presses the button of a page that has a form of its own."""
        token = Fields(self.read(page)).values["csrfmiddlewaretoken"]
        body = urlencode({"csrfmiddlewaretoken": token}).encode()
        with self._opener.open(self.address + action, body, timeout=20) as answer:
            assert answer.status == 200

    def read(self, page: str) -> str:
        """A page as it comes."""
        with self._opener.open(self.address + page, timeout=20) as answer:
            return str(answer.read().decode())


def make_operator(database_url: str, *, email: str, password: str, reseller_id: int = 0) -> None:
    """A user who may do everything; with the id of a reseller, everything there."""
    environment = os.environ | {
        "TOLLGATE_DATABASE_URL": database_url,
        "TOLLGATE_DATA_KEY": DATA_KEY,
        "DJANGO_SETTINGS_MODULE": "tollgate.config.settings",
    }
    subprocess.run(
        [sys.executable, "-c", MAKE_OPERATOR, email, password, str(reseller_id)], env=environment, check=True
    )


@contextmanager
def web_process(folder: Path, *, database_url: str) -> Iterator[str]:
    """`tollgate web` on a free port; gives its address."""
    port = free_port()
    environment = os.environ | {
        "TOLLGATE_DATABASE_URL": database_url,
        "TOLLGATE_DATA": str(folder),
        "TOLLGATE_DATA_KEY": DATA_KEY,
        "TOLLGATE_WEB_PORT": str(port),
    }
    address, log = f"http://127.0.0.1:{port}", folder / "web.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "tollgate.jobs.command_line", "web"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)

    def ready() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        return _healthy(address)

    try:
        until(ready, timeout_s=120, what="the panel")
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
