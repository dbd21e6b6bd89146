"""SMS by a provider: `provider_of` gives it, `send` hands it one SMS and gets an id and a state.

`http` posts `{"from", "to", "text", "reference"}` as JSON with `Authorization: Bearer <key>` to the provider's address
and reads `id` (or `message_id`) and `status` of its JSON answer; nearly every provider, or ten lines before one, speaks
that. `log` sends nothing and says so. To add a provider, write its class with `send` and its line in `provider_of`.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError, NewConnectionError

from tollgate.gateways.addresses import Unreachable, reachable
from tollgate.gateways.in_time import ask, pool_to

TIMEOUT_S: Final = 15
"""For a connection, and then for the whole dialogue over it."""
ANSWER_MOST: Final = 10_000
SHOWN_MOST: Final = 500
WORD_MOST: Final = 100
PROVIDERS: Final = ("log", "http")
TRY_AGAIN: Final = frozenset({408, 425, 429})


class NotSent(Exception):
    """An SMS that the provider did not take. `permanent` tells that trying again is useless."""

    def __init__(self, sentence: str, *, dialogue: str, permanent: bool = False) -> None:
        super().__init__(sentence)
        self.dialogue, self.permanent = dialogue, permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """One SMS. `reference` is our own number of it, the same at each try, so that a provider may drop a repeat.

    Of a `secret` one the dialogue keeps no word of the answer, because providers repeat what they were given.
    """

    sender: str
    recipient: str
    text: str
    reference: str
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the provider made of it: its id of the SMS, its word for the state, and what was said."""

    provider_id: str
    status: str
    dialogue: str


class Provider(Protocol):
    """Whoever can send an SMS."""

    def send(self, sms: Sms) -> Sent:
        """Hands over one SMS. Raises NotSent."""


@dataclass(frozen=True, slots=True)
class LogProvider:
    """For development: the SMS stays in the log of messages."""

    def send(self, sms: Sms) -> Sent:
        """Says that nothing left the house."""
        said = f"-- not sent: the provider is “log”. From {sms.sender or '(none)'} to {sms.recipient}"
        return Sent(provider_id=f"log-{sms.reference}", status="logged", dialogue=said)


@dataclass(frozen=True, slots=True)
class HttpProvider:
    """An HTTP provider: its address and its key."""

    url: str
    key: str = field(repr=False)

    def send(self, sms: Sms) -> Sent:
        """One POST, no redirect followed."""
        body = {"from": sms.sender, "to": sms.recipient, "text": sms.text, "reference": sms.reference}
        told = {**body, "text": f"({len(sms.text)} signs)"}
        lines = [f"> POST {_told_url(self.url)}", f"> {json.dumps(told)}"]
        try:
            status, answer = self._post(json.dumps(body).encode())
        except (Unreachable, HTTPError, OSError, ValueError) as problem:
            said = f"The SMS provider is not reached: {_without_query(str(problem), self.url)}"
            raise NotSent(said, dialogue="\n".join(lines)) from None
        lines.append(f"< {status} ({len(answer)} signs)" if sms.secret else f"< {status} {answer[:SHOWN_MOST]}")
        dialogue = "\n".join(lines)
        if not 200 <= status < 300:
            final = 400 <= status < 500 and status not in TRY_AGAIN
            raise NotSent(f"The SMS provider answers {status}.", dialogue=dialogue, permanent=final)
        told_back = _object(answer)
        provider_id = _word(told_back.get("id", told_back.get("message_id", "")))
        return Sent(provider_id=provider_id, status=_word(told_back.get("status", "accepted")), dialogue=dialogue)

    def _post(self, body: bytes) -> tuple[int, str]:
        parts = urlsplit(self.url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        *others, last = reachable(host, port)
        headers = {
            "Host": parts.netloc.rpartition("@")[2],
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
        }
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        for address in others:
            with contextlib.suppress(NewConnectionError):
                return _asked(address, port, host if secure else "", target, body, headers)
        return _asked(last, port, host if secure else "", target, body, headers)


def _asked(address: str, port: int, name: str, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """One POST to a checked address: the status and the beginning of the answer."""
    pool = pool_to(address, port, name, whole_s=TIMEOUT_S)
    status, content = ask(pool, "POST", target, body=body, headers=headers, most=ANSWER_MOST)
    return status, content.decode("utf-8", "replace")


def provider_of(name: str, *, url: str, key: str) -> Provider:
    """The provider of that name."""
    return HttpProvider(url, key) if name == "http" else LogProvider()


def _told_url(url: str) -> str:
    """The address as the log may show it: without a login, and without the query, where many providers take a key."""
    return re.sub(r"//[^/]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])


def _without_query(sentence: str, url: str) -> str:
    """What a library says of a connection, which may name the whole target."""
    query = url.partition("?")[2]
    return sentence.replace(query, "...") if query else sentence


def _word(found: object) -> str:
    """An id or a state: a word or a number; a structure could hold the SMS itself."""
    return str(found)[:WORD_MOST] if isinstance(found, (str, int)) else ""


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
