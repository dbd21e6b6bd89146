"""`tollgate new-account`: the first account of an empty installation, its first user and its SIP edge."""

from __future__ import annotations

import getpass
import secrets
from argparse import Namespace

from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.records import records


def register(commands: Commands) -> None:
    """Adds the command."""
    words = "make the account of an empty installation and its first user"
    parser = add_command(commands, "new-account", run=run, words=words, machine=True)
    parser.add_argument("name", metavar="NAME", help="the operator's own company")
    parser.add_argument("--currency", required=True, help="such as EUR; it cannot change later")
    parser.add_argument("--email", required=True, help="the first user's login")
    parser.add_argument("--edge", default="kam1", help="name of the SIP edge (default: kam1)")
    parser.add_argument(
        "--edge-rpc",
        default="http://127.0.0.1:8060/RPC",
        metavar="URL",
        help="where the charging service reaches the edge (default: http://127.0.0.1:8060/RPC)",
    )


def run(arguments: Namespace) -> int:
    """Makes all of it or nothing, and prints the password once."""
    password = secrets.token_urlsafe(12)
    with records():
        from django.db import transaction

        from tollgate.actions.accounts import create_account
        from tollgate.actions.acts import EVERY_ACT, Actor, Invalid, acting
        from tollgate.actions.edges import create_edge
        from tollgate.actions.users import create_stock_groups, create_user
        from tollgate.store.models import Account

        actor = Actor(f"{getpass.getuser()} (command line)", frozenset({EVERY_ACT}), "new account")
        try:
            with transaction.atomic(), acting(actor):
                if Account.objects.exists():
                    raise CommandFailed("there is an account already: add users in the panel (System > Users)")
                account = create_account(name=arguments.name, currency=arguments.currency)
                create_edge(account_id=account.pk, name=arguments.edge, kind="kamailio", rpc_url=arguments.edge_rpc)
                group = create_stock_groups()["Administrators"]
                create_user(name="Operator", email=arguments.email, password=password, group_ids=[group.pk])
        except Invalid as problem:
            raise CommandFailed(str(problem)) from None
    words = f"made {arguments.name} ({arguments.currency}); log in as\n  {arguments.email}  {password}"
    say(arguments, words, account=arguments.name, email=arguments.email, password=password)
    return 0
