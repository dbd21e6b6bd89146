"""Departments: the operator's own, beside those that are built in. Contacts are in one, and notices may go to some."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.departments import create_department, delete_department, update_department
from tollgate.core.departments import DEPARTMENTS, KEY_MOST
from tollgate.panel.access import may, own_account, reading, rights, writing
from tollgate.panel.cells import excerpt, fixed, link
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.store.models import Contact, Department
from tollgate.store.queries.departments import members_of, told_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

LIST: Final = Grid(
    name="departments",
    columns=(
        Column("name", "Department", sort="name", link=link("panel:department", lambda row: row.pk)),
        Column("key", "Key", sort="key", minor=True),
        Column("contacts", "Contacts", value="contact_count", kind=Kind.COUNT, sort="contact_count"),
    ),
    sort="name",
    ticks=True,
    empty_text="No departments of your own yet. They are offered beside the built-in ones wherever a contact has one.",
    empty_url="/departments/new/",
    empty_action="Add a department",
)
TOLD: Final = Grid(
    name="departments-customers",
    columns=fixed(
        (
            Column("name", "Customer", link=link("panel:customer_edit", lambda row: row.pk)),
            Column("number", "Number", minor=True),
        )
    ),
    sort="name",
    compact=True,
    empty_text="No customer sends its notices to this department.",
)


class DepartmentForm(HouseForm):
    """What it is called."""

    name = forms.CharField(max_length=50, help_text="Shown as you type it, in every language")


class NewDepartmentForm(DepartmentForm):
    """The same with the key, which is given once."""

    key = forms.CharField(
        max_length=KEY_MOST,
        required=False,
        help_text="How programs call it, such as field_engineers: it never changes. Empty = made of the name",
    )


class ChangedDepartmentForm(DepartmentForm):
    """The same with the version that was opened."""

    versioned = True


@reading
def departments(request: HttpRequest) -> HttpResponseBase:
    """Every department of the operator's own, with how many contacts are in it."""
    grid, source = listed(request, request.GET.dict())
    return respond(
        request,
        grid,
        source,
        template="panel/departments.html",
        title="Departments",
        breadcrumbs=crumbs(("Selling", "")),
        built_in=DEPARTMENTS.items(),
        may_see_contacts=rights(request).reads("contacts"),
    )


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    account = own_account(request)
    people = Contact.objects.filter(kind=OuterRef("key"), customer__account=account, customer__deleted_at=None)
    counted = people.order_by().values("kind").annotate(count=Count("pk")).values("count")
    found = Department.objects.filter(account=account)
    found = found.annotate(contact_count=Coalesce(Subquery(counted, output_field=IntegerField()), 0))
    return LIST, QuerysetSource(queryset=found, search=("name__icontains", "key__icontains"))


@writing("create_department", shown_to_all=False)
def new_department(request: HttpRequest) -> HttpResponseBase:
    """A new department."""
    form = NewDepartmentForm(posted(request))
    if form.is_valid():
        done = saved(request, form, create_department, account_id=own_account(request).pk, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is created.", form_url=request.path, done_url=_list())
    return render_form(
        request,
        form,
        title="New department",
        breadcrumbs=_way(),
        back_url=_list(),
        save_title="Create",
        can_stay=True,
    )


@writing("update_department")
def edit_department(request: HttpRequest, department_id: int) -> HttpResponseBase:
    """One department, with who is in it and whose notices go to it."""
    department = _found(request, department_id)
    form = ChangedDepartmentForm(posted(request), initial=initial(department, ("name",)))
    key = department.key
    form.fields["name"].help_text = worded("Shown as you type it, in every language. Programs call it {key}", key=key)
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_department, department_id=department.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, f"{done.name} is saved.", form_url=request.path, done_url=_list())
    told = QuerysetSource(queryset=told_of(department).filter(deleted_at=None))
    return render_form(
        request,
        form,
        template="panel/department.html",
        title=as_is(department.name),
        breadcrumbs=_way(),
        back_url=_list(),
        can_stay=True,
        read_only=not may(request, "update_department"),
        department=department,
        contacts_count=members_of(department).filter(customer__deleted_at=None).count(),
        may_see_contacts=rights(request).reads("contacts"),
        told=excerpt(TOLD, told) if rights(request).reads("customers") else None,
    )


@writing("delete_department", shown_to_all=False)
def remove_department(request: HttpRequest, department_id: int) -> HttpResponseBase:
    """Removes a department that nobody is in."""
    department = _found(request, department_id)
    if request.POST.get("confirmation") != department.name:
        messages.error(request, f"Type {department.name} to remove this department.")
    elif press(request, delete_department, f"{department.name} is removed.", department_id=department.pk):
        return redirect(_list())
    return redirect("panel:department", department.pk)


def _found(request: HttpRequest, department_id: int) -> Department:
    return get_object_or_404(Department, pk=department_id, account=own_account(request))


def _list() -> str:
    return reverse("panel:departments")


def _way() -> list[Any]:
    return crumbs(("Selling", ""), ("Departments", _list()))


urlpatterns = [
    path("departments/", departments, name="departments"),
    path("departments/new/", new_department, name="department_new"),
    path("departments/<int:department_id>/", edit_department, name="department"),
    path("departments/<int:department_id>/delete/", remove_department, name="department_delete"),
]
