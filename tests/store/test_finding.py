"""Claims about the search of long lists: it finds what contains the text, by the index or one by one alike."""

import pytest
from django.db import connection

from tests.actions.cast import ANN, demo_account
from tollgate.actions.acts import acting
from tollgate.actions.contacts import create_contact
from tollgate.actions.customers import create_customer
from tollgate.store.models import Contact, Customer, Endpoint
from tollgate.store.queries import finding
from tollgate.store.queries.finding import contacts_with, customers_with, endpoints_with, with_text

pytestmark = pytest.mark.django_db
FINDS = {
    "acme": {"Acme Ltd", "Fjord_100%"},
    "ACME L": {"Acme Ltd"},
    "me lt": {"Acme Ltd"},
    "acm ltd": set[str](),
    "cmecme": set[str](),  # its threes stand in another order
    "carla@": {"Fjord_100%"},
    "d_1": {"Fjord_100%"},
    "d%1": set[str](),
    "0%": set[str](),
    "po-7": {"Acme Ltd"},
    "fj": {"Fjord_100%"},
    "a": {"Acme Ltd", "Fjord_100%"},  # a contact works at acme.example
    "jo": set[str](),  # short ones begin a word
    "'; --": set[str](),
    "\\": set[str](),
}


@pytest.fixture
def customers(db: None) -> None:
    with acting(ANN):
        account = demo_account()
        create_customer(account_id=account.pk, name="Acme Ltd", currency="EUR", number="10000001", reference="PO-7")
        fjord = create_customer(account_id=account.pk, name="Fjord_100%", currency="EUR", number="10000002")
        create_contact(
            customer_id=fjord.pk,
            email="carla@acme.example",
            first_name="Carla",
            last_name="Fjell",
            phone="+37061234567",
        )


@pytest.mark.usefixtures("customers")
def test_a_search_finds_what_contains_its_text_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, names in FINDS.items():
        assert set(Customer.objects.filter(customers_with(text)).values_list("name", flat=True)) == names, text
    assert Contact.objects.filter(contacts_with("fjord")).count() == 1
    assert Contact.objects.filter(with_text("contact", "706123")).count() == 1
    monkeypatch.setattr(finding, "FEW", 0)  # as if very many were found
    for text, names in FINDS.items():
        if len(text) > 2:
            assert set(Customer.objects.filter(customers_with(text)).values_list("name", flat=True)) == names, text
    assert Contact.objects.filter(contacts_with("fjord")).count() == 1
    assert Contact.objects.filter(with_text("contact", "carla fj")).count() == 1, "first and last name are one word"
    assert Endpoint.objects.filter(endpoints_with("acme")).count() == 0


@pytest.mark.usefixtures("customers")
@pytest.mark.parametrize("named", [finding.NAMED, 0])
def test_a_condition_on_a_column_or_a_customer_s_name_means_what_it_says(
    monkeypatch: pytest.MonkeyPatch, named: int
) -> None:
    """By the index, by comparing all at once, or row by row as if very many were found."""
    monkeypatch.setattr(finding, "NAMED", named)
    typed = [*FINDS, "Acme Ltd", "acme ltd", "10000001", "PO-7", "fjord", "e", "7", "x"]
    for table, model in (("customer", Customer), ("contact", Contact)):
        for path, meaning in finding.by_columns(table).items():
            for text in typed:
                found = set(model.objects.filter(meaning(text)))
                assert found == set(model.objects.filter(**{path: text})), (path, text)
    for path, meaning in finding.by_company().items():
        for text in typed:
            assert set(Contact.objects.filter(meaning(text))) == set(Contact.objects.filter(**{path: text})), text
    assert Contact.objects.filter(finding.by_company()["customer__name__istartswith"]("fjor")).count() == 1


@pytest.mark.usefixtures("customers")
def test_each_searched_table_has_the_index_of_its_words() -> None:
    """By the planner's own word, whatever the size of the table: another expression would not fit the index."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexonlyscan = off")
        for table, by in finding.FOUND_BY.items():
            cursor.execute(
                f"EXPLAIN SELECT id FROM {table}"
                f" WHERE search_grams(search_words({by.columns})) @> search_wanted('acme')"
            )
            assert f"{table}_search" in "\n".join(row[0] for row in cursor.fetchall())
