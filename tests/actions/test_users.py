"""Claims about users and live calls."""

import pytest
from django.db import connection

from tests.actions.cast import acme, sold_by
from tests.actions.test_customers import PASSWORD, refused
from tollgate.actions.acts import NotFound
from tollgate.actions.calls import end_call
from tollgate.actions.customers import delete_customer
from tollgate.actions.endpoints import create_ip_endpoint, delete_endpoint
from tollgate.actions.routes import create_ingress_route, delete_ingress_route
from tollgate.actions.users import create_user, create_user_group, update_user, update_user_group
from tollgate.store.models import Account, Audit, Call, User


def test_a_user_logs_in_with_an_email_of_its_own(account: Account) -> None:
    group = create_user_group(name="Operators", acts=["*"], areas=["*"])
    ann = create_user(name="Ann", email="Ann@demo.example", password=PASSWORD, group_ids=[group.pk])
    assert ann.email == "ann@demo.example"
    assert ann.check_password(PASSWORD)
    assert ann.acts() == frozenset({"*"})
    refused("email", create_user, name="Ann", email="ann@demo.example", password=PASSWORD)
    refused("password", create_user, name="Bob", email="bob@demo.example", password="password")
    assert User.objects.count() == 1


def test_a_user_in_a_group_without_acts_may_read_only(account: Account) -> None:
    readers = create_user_group(name="Readers", acts=[], areas=["*"])
    assert (
        create_user(name="Bob", email="b@demo.example", password=PASSWORD, group_ids=[readers.pk]).acts() == frozenset()
    )
    assert create_user(name="Eve", email="e@demo.example", password=PASSWORD).acts() is None


def test_the_last_operator_keeps_every_right(account: Account) -> None:
    operators = create_user_group(name="Operators", acts=["*"], areas=["*"])
    readers = create_user_group(name="Readers", acts=[], areas=["*"])
    ann = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[operators.pk])
    refused("group_ids", update_user, user_id=ann.pk, group_ids=[readers.pk])
    refused("is_active", update_user, user_id=ann.pk, is_active=False)
    refused("acts", update_user_group, group_id=operators.pk, acts=["create_customer"])
    assert update_user(user_id=ann.pk, theme="dark", password="another secret").check_password("another secret")
    create_user(name="Second", email="s@demo.example", password=PASSWORD, group_ids=[operators.pk])
    assert update_user(user_id=ann.pk, is_active=False).is_active is False


def test_groups_name_acts_that_exist(account: Account) -> None:
    assert "fly" in refused("acts", create_user_group, name="Pilots", acts=["fly", "top_up"])
    refused("acts", create_user_group, name="Pilots", acts="*")
    refused("group_ids", create_user, name="A", email="a@demo.example", password=PASSWORD, group_ids=[77])
    refused("group_ids", create_user, name="A", email="a@demo.example", password=PASSWORD, group_ids="all")


def test_a_live_call_is_asked_to_end_and_keeps_its_records(account: Account) -> None:
    customer = acme(account)
    endpoint = create_ip_endpoint(customer_id=customer.pk, network="192.0.2.7")
    route = create_ingress_route(customer_id=customer.pk, name="World", card_id=sold_by(account).pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO call (id, account_id, edge, edge_call_id, customer_id, endpoint_id, ingress_route_id, state,"
            " authorized_at, granted_s, granted_until, max_s, last_seen_at, plan)"
            " VALUES (5, %s, 'kam1', 'a', %s, %s, %s, 'answered', now(), 60, now(), 3600, now(), '{}')",
            [account.pk, customer.pk, endpoint.pk, route.pk],
        )
    refused("customer_id", delete_customer, customer_id=customer.pk)
    refused("endpoint_id", delete_endpoint, endpoint_id=endpoint.pk)
    refused("ingress_route_id", delete_ingress_route, ingress_route_id=route.pk)
    end_call(call_id=5)
    asked_at = Call.objects.get(pk=5).hangup_at
    assert asked_at is not None
    end_call(call_id=5)
    assert Call.objects.get(pk=5).hangup_at == asked_at
    assert Audit.objects.filter(table_name="call", row_id=5, act="end_call").exists()
    with pytest.raises(NotFound):
        end_call(call_id=6)
