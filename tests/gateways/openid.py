"""A real provider of OpenID Connect in a process of its own: oidc-provider-mock, which here insists on PKCE.

    with provider_process() as provider:
        provider.put("ann-1", email="ann@demo.example", groups=["ops"])   # a person and what is said of them
        address = provider.log_in(where, "ann-1")                         # the browser's way, to where it is sent back

Run as a program (`python -m tests.gateways.openid PORT`) it is the provider itself. Its key is new with each start.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.ports import free_port
from tests.sip.sipp import until

FORM = "application/x-www-form-urlencoded"
Start = Callable[..., Any]


class Insisting:
    """The provider behind a check of PKCE (RFC 7636 section 4.6): no token for a code without its verifier."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self.challenges: dict[str, str] = {}

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """One request."""
        asked = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", "")))
        if environ["PATH_INFO"] == "/oauth2/authorize" and environ["REQUEST_METHOD"] == "POST":
            assert asked["code_challenge_method"] == "S256"

            def noting(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
                back = urllib.parse.urlsplit(dict(headers).get("Location", ""))
                code = dict(urllib.parse.parse_qsl(back.query)).get("code", "")
                self.challenges[code] = asked["code_challenge"]
                return start(status, headers, *more)

            return list(self.provider(environ, noting))
        if environ["PATH_INFO"] == "/oauth2/token":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            given = dict(urllib.parse.parse_qsl(body.decode()))
            digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
            if self.challenges.get(given.get("code", "")) != base64.urlsafe_b64encode(digest).rstrip(b"=").decode():
                start("400 Bad Request", [("Content-Type", "application/json")])
                return [b'{"error": "invalid_grant"}']
            environ["wsgi.input"] = io.BytesIO(body)
        return list(self.provider(environ, start))


@dataclass(frozen=True)
class Provider:
    """A running provider."""

    issuer: str

    def put(self, subject: str, **claims: object) -> None:
        """A person of the provider. A claim such as `aud` takes the place of the token's own."""
        body = json.dumps(claims).encode()
        asked = urllib.request.Request(f"{self.issuer}/users/{subject}", body, method="PUT")
        asked.add_header("Content-Type", "application/json")
        urllib.request.urlopen(asked, timeout=10).close()

    def log_in(self, address: str, subject: str) -> str:
        """Logs a person in on the page that a browser was sent to; gives where it is sent back to."""
        parts = urllib.parse.urlsplit(address)
        asked = http.client.HTTPConnection(parts.netloc, timeout=10)
        body = urllib.parse.urlencode({"sub": subject})
        asked.request("POST", f"{parts.path}?{parts.query}", body, {"Content-Type": FORM})
        answer = asked.getresponse()
        assert answer.status == 302, answer.read().decode()
        return str(answer.headers["Location"])


@contextmanager
def provider_process(port: int = 0) -> Iterator[Provider]:
    """A provider on this port of this machine, or on a free one."""
    port = port or free_port()
    command = [sys.executable, "-m", "tests.gateways.openid", str(port)]
    process = subprocess.Popen(command, env=os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"}, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(port), timeout_s=30, what="the provider")
        yield Provider(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/jwks", timeout=2).close()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True


if __name__ == "__main__":
    import oidc_provider_mock
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", int(sys.argv[1]), Insisting(oidc_provider_mock.app()), threaded=True)
