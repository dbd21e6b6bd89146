"""`tollgate reset-login`: a way back in for a user who lost the password or the second factor, made on the server."""

from __future__ import annotations

import getpass
from argparse import Namespace

from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.records import records


def register(commands: Commands) -> None:
    """Adds the command."""
    words = "print a link with which a user of the panel sets a new password"
    parser = add_command(commands, "reset-login", run=run, words=words, machine=True)
    parser.add_argument("email", metavar="EMAIL", help="the user's login")
    parser.add_argument(
        "--drop-second-factor", action="store_true", help="also forget authenticator, passkeys and recovery codes"
    )


def run(arguments: Namespace) -> int:
    """Prints a link that works once, for a day. What was done is in the audit log."""
    with records():
        from allauth.mfa.models import Authenticator
        from django.db import transaction

        from tollgate.actions.acts import EVERY_ACT, Actor, acting
        from tollgate.actions.messages import address_of
        from tollgate.actions.user_factors import forget_factors
        from tollgate.actions.user_passwords import LINK_HOURS, make_link
        from tollgate.actions.users import end_user_sessions
        from tollgate.store.models import User

        actor = Actor(f"{getpass.getuser()} (command line)", frozenset({EVERY_ACT}), "reset-login")
        with transaction.atomic(), acting(actor):
            user = User.objects.filter(email__iexact=arguments.email, is_active=True).first()
            if user is None:
                raise CommandFailed(f"no active user logs in as {arguments.email}")
            user = end_user_sessions(user_id=user.pk)
            link = f"{address_of(None)}{make_link(user)}"
            dropped = 0
            if arguments.drop_second_factor:
                dropped = Authenticator.objects.filter(user=user).count()
                forget_factors(user)
    words = f"{user.email} sets a new password within {LINK_HOURS} hours at\n  {link}"
    if arguments.drop_second_factor:
        words += f"\n{dropped} second factors are forgotten"
    say(arguments, words, email=user.email, link=link, dropped=dropped)
    return 0
