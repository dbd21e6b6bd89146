"""Claims about messages between processes: what one saves another sends."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.gateways.sink import mail_sink
from tests.jobs.installation import MODULE, ROOT, Installation
from tests.sip.sipp import until

WRITE = """
import sys
import django
django.setup()
from tollgate.actions.accounts import create_account
from tollgate.actions.acts import Actor, acting
from tollgate.actions.mail_settings import create_mail_settings
from tollgate.actions.messages import queue
with acting(Actor("setup", frozenset({"*"}))):
    account = create_account(name="Demo Telecom", currency="EUR")
    create_mail_settings(account_id=account.pk, server=sys.argv[1], from_address="hello@demo.example")
    values = {"subject": "Now", "text": "Here"}
    queue(account_id=account.pk, template="plain", recipient="dan@baltic.example", values=values)
"""


def test_the_worker_sends_what_another_process_queued(empty: Installation) -> None:
    empty.settings["TOLLGATE_MAIL_PRIVATE_HOSTS"] = "127.0.0.1"
    with mail_sink() as sink, subprocess.Popen([*MODULE, "work"], cwd=ROOT, env=empty.environment()) as worker:
        environment = empty.environment() | {"DJANGO_SETTINGS_MODULE": "tollgate.config.settings"}
        saving = [sys.executable, "-c", WRITE, f"127.0.0.1:{sink.port}"]
        subprocess.run(saving, env=environment, cwd=ROOT, check=True)
        until(lambda: empty.rows("SELECT 1 FROM message WHERE state = 'sent'"), timeout_s=90, what="a sent message")
        assert [str(letter["To"]) for letter in sink.letters] == ["dan@baltic.example"]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
