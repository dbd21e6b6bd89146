"""CLI rules: which callers' numbers pass and what becomes of them, of a customer, of a tag, of all customers.

The page of a rule tries numbers on it, saved or not, among the other rules of its owner, by what decides calls.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.db.models import BigIntegerField, Case, ExpressionWrapper, F, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.cli_rules import (
    SIGNING,
    create_cli_rule,
    delete_cli_rule,
    row_of,
    update_cli_rule,
)
from tollgate.actions.number_trials import tried_cli_rule
from tollgate.core import cli_rules
from tollgate.panel.access import may, own_account, own_customers, reach, reading, writing
from tollgate.panel.cells import link
from tollgate.panel.deleted_records import removed
from tollgate.panel.fields import choices, pick
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, press, saved
from tollgate.panel.suggestions import suggested
from tollgate.panel.tried import ALL, OfCompanyForm, as_typed, tried, whole
from tollgate.store.models import CliRule, Customer, StirCertificate, Tag
from tollgate.ui.columns import Column, Kind
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

Form = TypeVar("Form", bound=HouseForm)


def whose(rule: CliRule) -> str:
    """The owner, by name."""
    return rule.customer.name if rule.customer else f"Tag {rule.tag.name}" if rule.tag else ALL


def becomes(rule: CliRule) -> str:
    """What the rule makes of the numbers."""
    written = [("CLI", rule.rewrite_cli), ("PAID", rule.rewrite_pai)]
    return ", ".join(f"{word} {new}" for word, new in written if new)


COLUMNS = (
    Column("position", "Order", kind=Kind.NUMBER, sort="position"),
    Column(
        "cli", "CLI", value=lambda row: row.cli or "any", sort="cli", link=link("panel:cli_rule", lambda row: row.pk)
    ),
    Column("pai", "P-Asserted-ID", sort="pai"),
    Column("dialed", "Number dialed", sort="dialed"),
    Column("becomes", "Becomes", value=becomes),
    Column(
        "forced",
        "Kind",
        value=lambda row: "Forced" if row.forced else "Allowed",
        kind=Kind.BADGE,
        tone={"forced": "yellow", "allowed": "green"},
        sort="forced",
    ),
    Column(
        "owner",
        "Company",
        value=whose,
        sort="customer__name",
        link=lambda row: _page(row.customer or row.tag) if row.customer or row.tag else None,
    ),
    Column(
        "attestation",
        "Attestation",
        value=lambda row: row.attestation or None,
        kind=Kind.BADGE,
        tone={"a": "green", "b": "blue"},
        sort="attestation",
    ),
    Column("notes", "Notes", hidden=True),
)
LIST = Grid(
    name="cli_rules",
    columns=COLUMNS,
    filters=(
        Filter("forced", "Kind", "forced", choices=(("True", "Forced"), ("False", "Allowed"))),
        Filter("customer", "Company", "customer__name__icontains", suggest=suggested("customer")),
    ),
    sort="position",
    ticks=True,
    empty_text="No CLI rules yet. They say which callers' numbers pass, and what becomes of them.",
    empty_url="/cli-rules/new/",
    empty_action="Add a rule",
)
OF_CUSTOMER = Grid(
    name="customer_cli_rules",
    columns=tuple(replace(column, sort="") for column in COLUMNS),
    sort="rank",
    compact=True,
    page_size=15,
    empty_text="No CLI rules: which numbers pass is said under Verified CLIs.",
)
OF_TAG = replace(
    OF_CUSTOMER,
    name="tag_cli_rules",
    columns=tuple(column for column in OF_CUSTOMER.columns if column.name != "owner"),
    empty_text="No CLI rules yet.",
)
FIELDS = (
    "cli", "pai", "dialed", "forced", "rewrite_cli", "rewrite_pai", "position", "weight", *SIGNING, "notes",
)  # fmt: skip


class CliRuleForm(HouseForm):
    """A rule."""

    widths = {"forced": 12, "signature_replaced": 12, "signature_required": 12, "notes": 12}
    cli = forms.CharField(
        max_length=200, required=False, label="CLI", help_text="A number or an expression, such as ^3706. Fits anywhere"
    )
    pai = forms.CharField(
        max_length=200, required=False, label="P-Asserted-ID", help_text="Has to fit as well; empty = any, or none"
    )
    dialed = forms.CharField(
        max_length=200, required=False, label="Number dialed", help_text="Only calls to these; empty = all"
    )
    forced = forms.BooleanField(required=False, label="Forced: the CLI is shown where no other rule fits")
    rewrite_cli = forms.CharField(
        max_length=100, required=False, label="CLI becomes", help_text="$1 = a group of the CLI; empty = as it is"
    )
    rewrite_pai = forms.CharField(
        max_length=100, required=False, label="P-Asserted-ID becomes", help_text="$0 = the CLI; empty = as it is"
    )
    position = forms.IntegerField(
        min_value=0, max_value=10_000, initial=100, label="Order", help_text="Lower ones are asked first"
    )
    weight = forms.IntegerField(
        min_value=0, max_value=10_000, initial=100, help_text="Among forced CLIs, where weights choose"
    )
    attestation = forms.ChoiceField(
        choices=choices("A", "B", "C", blank="None"),
        required=False,
        label="STIR/SHAKEN attestation",
        help_text="A: may show the number. B: a customer we know. C: only passed through",
    )
    certificate_id = pick("Certificate", [], required=False, help_text="What calls are signed with")
    signature_replaced = forms.BooleanField(
        required=False, label="Our signature takes the place of the one that came with the call"
    )
    signature_required = forms.BooleanField(
        required=False, label="Calls that would leave without a signature are refused"
    )
    notes = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class ChangedCliRuleForm(CliRuleForm):
    """With the version that was opened."""

    versioned = True


class GlobalCliRuleForm(OfCompanyForm, CliRuleForm):
    """Of a company, or of all."""

    widths = {**CliRuleForm.widths, "customer_id": 12}


def signing(request: HttpRequest, form: Form) -> Form:
    """The form with the certificates there are; of a reseller's user without a word of what is signed."""
    if reach(request) is not None:
        for name in SIGNING:
            del form.fields[name]
        return form
    field = form.fields["certificate_id"]
    assert isinstance(field, forms.TypedChoiceField)
    known = StirCertificate.objects.filter(account=own_account(request)).order_by("name")
    field.choices = [("", "The default"), *known.values_list("pk", "name")]
    return form


@reading
def rules(request: HttpRequest) -> HttpResponseBase:
    """Every rule within reach."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Selling", ""))
    return respond(request, grid, source, template="panel/cli_rules.html", title="CLI rules", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user, for the state of its address."""
    del parameters
    search = ("cli__contains", "notes__icontains", "customer__name__icontains", "tag__name__icontains")
    return LIST, QuerysetSource(queryset=_rules(request), search=search)


def of_customer(request: HttpRequest, customer: Customer) -> QuerySet[CliRule]:
    """The rules that a customer's calls are asked by, in their order; of a reseller's user its own alone."""
    reaching = Q(customer=customer) | Q(tag__customers=customer) | Q(customer=None, tag=None)
    return ranked(_rules(request).filter(reaching))


def ranked(found: QuerySet[CliRule]) -> QuerySet[CliRule]:
    """With the place of each rule: of customers first, then of tags one by one, then of all."""
    whole = BigIntegerField()
    tag = Coalesce(Cast("tag_id", whole), Value(2**40, output_field=whole))
    owner = Case(When(customer__isnull=False, then=Value(0, output_field=whole)), default=tag)
    return found.annotate(rank=ExpressionWrapper(owner * 100_000 + F("position"), output_field=whole))


@writing("create_cli_rule", shown_to_all=False)
def new_rule(request: HttpRequest) -> HttpResponseBase:
    """A new rule of a customer, or of all."""
    form = signing(request, GlobalCliRuleForm(posted(request), request=request))
    return _new(request, form, None, reverse("panel:cli_rules"))


@writing("create_cli_rule", shown_to_all=False)
def new_rule_of(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """A new rule of one customer."""
    customer = get_object_or_404(own_customers(request), pk=customer_id, deleted_at=None)
    return _new(request, signing(request, CliRuleForm(posted(request))), customer, _page(customer))


@writing("create_cli_rule", shown_to_all=False)
def new_tag_rule(request: HttpRequest, tag_id: int) -> HttpResponseBase:
    """A new rule of a tag."""
    tag = get_object_or_404(_tags(request), pk=tag_id)
    return _new(request, signing(request, CliRuleForm(posted(request))), tag, _page(tag))


@writing("update_cli_rule")
def edit_rule(request: HttpRequest, cli_rule_id: int) -> HttpResponseBase:
    """One rule."""
    rule = _rule(request, cli_rule_id)
    form = signing(request, ChangedCliRuleForm(posted(request), initial=initial(rule, FIELDS)))
    owner = rule.customer or rule.tag
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_cli_rule, cli_rule_id=rule.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, "The rule is saved.", form_url=request.path, done_url=_page(owner))
    return render_form(
        request,
        form,
        template="panel/cli_rule.html",
        title=worded("CLI rule {rule}", rule=rule),
        breadcrumbs=_way(owner),
        back_url=_page(owner),
        can_stay=True,
        owner=owner,
        record_words=str(rule),
        delete_url=reverse("panel:cli_rule_delete", args=[rule.pk]) if may(request, "delete_cli_rule") else "",
        try_url=f"{reverse('panel:cli_rule_try')}?rule={rule.pk}",
        read_only=not may(request, "update_cli_rule"),
    )


@writing("delete_cli_rule", shown_to_all=False)
def remove_rule(request: HttpRequest, cli_rule_id: int) -> HttpResponseBase:
    """Removes a rule."""
    rule = _rule(request, cli_rule_id)
    if request.POST.get("confirmation") != str(rule):
        messages.error(request, f"Type {rule} to remove this rule.")
    elif press(request, delete_cli_rule, removed(request, str(rule)), cli_rule_id=rule.pk):
        return redirect(_page(rule.customer or rule.tag))
    return redirect("panel:cli_rule", rule.pk)


@reading
def try_rule(request: HttpRequest) -> HttpResponseBase:
    """What a call would show by the rule of the form, saved or not, among the others of its owner."""
    asked = {name: tried(request, name) for name in ("cli", "pai", "dialed")}
    context: dict[str, Any] = {"tried": any(asked.values())}
    known = _rules(request).filter(pk=whole(request, "rule")).first()
    rule = CliRule(
        pk=known.pk if known else None,
        account=own_account(request),
        customer=known.customer if known else own_customers(request).filter(pk=whole(request, "customer")).first(),
        tag=known.tag if known else _tags(request).filter(pk=whole(request, "tag")).first(),
        position=whole(request, "position"),
        weight=whole(request, "weight"),
        forced="forced" in request.GET,
        **{name: as_typed(request, name) for name in cli_rules.FIELDS},
    )
    try:
        shown = tried_cli_rule(rule, numbers=(asked["cli"], asked["pai"], asked["dialed"]), at=datetime.now(UTC))
    except cli_rules.CliRuleInvalid as problem:
        context["problem"] = problem.sentence
    else:
        context |= {"hints": cli_rules.hints(row_of(rule)), "shown": shown, "asked": asked}
    return render(request, "panel/cli_rule_tried.html", context)


def _new(request: HttpRequest, form: CliRuleForm, owner: Customer | Tag | None, page: str) -> HttpResponseBase:
    if form.is_valid():
        field = "" if owner is None else "customer_id" if isinstance(owner, Customer) else "tag_id"
        given = {**changes(form), **({field: owner.pk} if owner is not None else {})}
        done = saved(request, form, create_cli_rule, account_id=own_account(request).pk, **given)
        if done is not None:
            return after_save(request, "The rule is added.", form_url=request.path, done_url=page)
    field = "" if owner is None else "customer" if isinstance(owner, Customer) else "tag"
    return render_form(
        request,
        form,
        template="panel/cli_rule.html",
        title="New CLI rule",
        breadcrumbs=_way(owner),
        back_url=page,
        save_title="Add",
        can_stay=True,
        owner=owner,
        try_url=reverse("panel:cli_rule_try") + (f"?{field}={owner.pk}" if owner is not None else ""),
    )


def _tags(request: HttpRequest) -> QuerySet[Tag]:
    """The tags whose rules this user may touch: rules of tags are the operator's."""
    found = Tag.objects.filter(account=own_account(request))
    return found if reach(request) is None else found.none()


def _rules(request: HttpRequest) -> QuerySet[CliRule]:
    """What the user may see: of a reseller's, the rules of its own customers."""
    found = CliRule.objects.filter(account=own_account(request)).select_related("customer", "tag")
    if reach(request) is not None:
        return found.filter(customer__in=own_customers(request))
    return found.filter(Q(customer=None) | Q(customer__deleted_at=None))


def _rule(request: HttpRequest, cli_rule_id: int) -> CliRule:
    return get_object_or_404(_rules(request), pk=cli_rule_id)


def _page(owner: Customer | Tag | None) -> str:
    if owner is None:
        return reverse("panel:cli_rules")
    return reverse("panel:tag" if isinstance(owner, Tag) else "panel:customer_routing", args=[owner.pk])


def _way(owner: Customer | Tag | None) -> list[Any]:
    if owner is None:
        return crumbs(("Selling", ""), ("CLI rules", reverse("panel:cli_rules")))
    above = ("Tags", "panel:tags") if isinstance(owner, Tag) else ("Customers", "panel:customers")
    return crumbs(("Selling", ""), (above[0], reverse(above[1])), (as_is(owner.name), _page(owner)))


urlpatterns = [
    path("cli-rules/", rules, name="cli_rules"),
    path("cli-rules/new/", new_rule, name="cli_rule_new"),
    path("cli-rules/try/", try_rule, name="cli_rule_try"),
    path("cli-rules/<int:cli_rule_id>/", edit_rule, name="cli_rule"),
    path("cli-rules/<int:cli_rule_id>/delete/", remove_rule, name="cli_rule_delete"),
    path("customers/<int:customer_id>/cli-rules/new/", new_rule_of, name="cli_rule_new_of"),
    path("tags/<int:tag_id>/cli-rules/new/", new_tag_rule, name="cli_rule_new_tag"),
]
