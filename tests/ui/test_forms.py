"""Forms: which tab opens, which status is answered, what a conflict keeps."""

import pytest
from django import forms
from django.http import QueryDict

from tollgate.ui.fields import MoneyField
from tollgate.ui.forms import Difference, HouseForm


class CustomerForm(HouseForm):
    """Two tabs, one error possible on each."""

    tabs = [("Basic", ["name"]), ("Limits", ["channels", "debit_limit_micros"])]
    versioned = True
    name = forms.CharField()
    channels = forms.IntegerField()
    debit_limit_micros = MoneyField()


def posted(**values: str) -> CustomerForm:
    data = QueryDict(mutable=True)
    data.update({"name": "Acme", "channels": "10", "debit_limit_micros": "1", "version": "7", **values})
    data._mutable = False
    return CustomerForm(data)


def test_the_first_tab_with_an_error_is_open_and_errors_are_counted() -> None:
    form = posted(channels="many", debit_limit_micros="much")
    assert [(tab.title, tab.error_count, tab.active) for tab in form.sheets()] == [
        ("Basic", 0, False),
        ("Limits", 2, True),
    ]


def test_a_whole_number_with_a_sign_between_thousands_is_refused_and_never_read_as_fewer() -> None:
    for typed in ("1.000", "10.0", "1,000"):
        assert posted(channels=typed).errors["channels"] == ["Enter a whole number."]
    assert posted(channels="1000").is_valid()


def test_without_errors_the_first_tab_is_open() -> None:
    assert [tab.active for tab in posted().sheets()] == [True, False]


def test_errors_are_answered_with_422_and_a_fresh_form_with_200() -> None:
    assert CustomerForm().status() == 200
    assert posted().status() == 200
    assert posted(name="").status() == 422


def test_a_conflict_keeps_what_was_typed_and_takes_the_new_version() -> None:
    form = posted(name="Acme 2")
    assert form.is_valid()
    form.show_conflict(8, [Difference("Customer name", "Acme 1", "Acme 2")])
    assert form.status() == 409
    assert form["version"].value() == "8"
    assert form["name"].value() == "Acme 2"


def test_a_field_in_no_tab_is_noticed() -> None:
    class Forgetful(CustomerForm):
        notes = forms.CharField()

    with pytest.raises(AssertionError, match="notes"):
        Forgetful().sheets()


def test_a_field_is_drawn_with_its_mark_its_unit_its_help_and_its_error() -> None:
    form = posted(debit_limit_micros="much")
    form.fields["debit_limit_micros"].help_text = "How far below zero."
    form.set_unit("debit_limit_micros", "EUR")
    drawn = str(form["debit_limit_micros"].as_field_group())
    assert 'aria-invalid="true"' in drawn
    assert 'aria-describedby="id_debit_limit_micros_helptext id_debit_limit_micros_error"' in drawn
    assert 'id="id_debit_limit_micros_error"' in drawn
    assert 'id="id_debit_limit_micros_helptext"' in drawn
    assert '<span class="input-group-text">EUR</span>' in drawn
    assert 'class="required"' in drawn
