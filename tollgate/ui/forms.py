"""Forms: one way to lay them out, to answer errors, and to notice that somebody else saved first.

    class CustomerForm(HouseForm):
        tabs = [("Basic", ["name", "currency"]), ("Limits", ["channels", "debit_limit_micros"])]
        widths = {"name": 6}            # of 12 columns; 4 unless named, hidden fields none
        units = {"channels": "calls"}   # suffixes; fields may bring their own
        versioned = True                # adds the hidden `version` field
        name = forms.CharField(...)
        debit_limit_micros = MoneyField(...)

    def edit(request, customer_id):
        form = CustomerForm(request.POST or None, initial=...)
        if request.method == "POST" and form.is_valid():
            try: act...
            except StaleVersion as stale: form.show_conflict(stale.version, [Difference("Debit limit", "10", "20")])
            else: return redirect(...)
        return render_form(request, form, title="Acme", back_url="...")

`render_form` answers 200 for a fresh form, 422 for one with errors and 409 for a conflict (the version field then
holds the new version, so saving again is a decision). The page is `form.html` of the face that answers, which extends
`ui/form_page.html` by the face's styles and scripts, unless `template=` names another; its blocks are those of the
layout plus `above` and `below` the form. The button pressed arrives as `save` = `continue`, `stay` or `delay`; which
are offered, what is put off already and whether a reason is asked for are the face's to say, by a `Saving` named
`saving` in the context. A tab with an error carries a red count, and the first such tab is open. Leaving with unsaved
changes warns. An error of the act that names a field goes to `form.add_error(field, words)`.

A form without `tabs` shows its fields on one sheet. Any Django widget works; a `<select>` with the attribute
`data-searchable` becomes a searchable list (pass `fields.SEARCHABLE`). In a page of another kind `{{ form }}`
renders the same sheet, and `{{ form.name.as_field_group }}` one field.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, cast

from django import forms
from django.forms import renderers
from django.forms.boundfield import BoundField
from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.functional import cached_property

from tollgate.ui.loading import BUILTINS, loaders
from tollgate.ui.words import speaking, told

WIDTH = 4
NEVER = re.compile(r"(?!)")
SAID_ATTRIBUTES = ("placeholder", "title", "aria-label")


class HouseRenderer(DjangoTemplates):
    """Draws every form and field by the house's templates, which say their texts in every language."""

    form_template_name = "ui/form.html"
    field_template_name = "ui/field.html"

    @cached_property
    def engine(self) -> Any:
        """Django's own templates of fields beside those of the house."""
        folders = [Path(renderers.__file__).with_name("templates")]
        options = {"loaders": loaders("django.template.loaders.filesystem.Loader"), "builtins": BUILTINS}
        return self.backend({"APP_DIRS": False, "DIRS": folders, "NAME": "forms", "OPTIONS": options})


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that somebody else saved since the form was opened."""

    title: str
    theirs: str
    yours: str


@dataclass(frozen=True, slots=True)
class Tab:
    """One sheet of a form."""

    title: str
    slug: str
    fields: tuple[BoundField, ...]
    error_count: int
    active: bool


@dataclass(frozen=True, slots=True)
class Pending:
    """A change of the form's record that somebody has put off, as it is listed above the form."""

    due: str
    lines: tuple[str, ...]
    author: str
    edit_url: str
    time_url: str
    cancel_url: str
    run_url: str
    mine: bool
    """Whether this user may edit, cancel and run it."""


@dataclass(frozen=True, slots=True)
class Editing:
    """A change that waits, where the form of its record changes it: nothing else is saved by that form."""

    version: str
    due: str
    author: str
    """Who put it off; empty when it is who looks."""
    lines: tuple[str, ...]
    drift: tuple[str, ...]
    """What others have changed meanwhile, in sentences; `seen` is what the tick sends that writes over it."""
    seen: str
    back_url: str


@dataclass(frozen=True, slots=True)
class Saving:
    """How the form of a page may be saved, for `ui/form_page.html`."""

    asks_reason: bool = False
    can_stay: bool = False
    can_delay: bool = False
    zone: str = "UTC"
    delay: Mapping[str, str] = field(default_factory=dict)
    """What was typed into the delay, shown again when the form comes back."""
    reason: str = ""
    pending: tuple[Pending, ...] = ()
    editing: Editing | None = None


class HouseForm(forms.Form):
    """The base of every form of the panel and the portal."""

    default_renderer = HouseRenderer
    tabs: ClassVar[Sequence[tuple[str, Sequence[str]]]] = ()
    widths: ClassVar[Mapping[str, int]] = {}
    units: ClassVar[Mapping[str, str]] = {}
    versioned: ClassVar[bool] = False
    live: ClassVar[bool] = False
    """Whether errors are told while it is typed: each field then has room for what `ui/field_errors.html` swaps in."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("label_suffix", "")
        super().__init__(*arguments, **options)
        self.differences: tuple[Difference, ...] = ()
        self.reason_error = ""
        if self.versioned:
            self.fields["version"] = forms.IntegerField(widget=forms.HiddenInput)
        translated = speaking() is not None
        for name, shown in self.fields.items():
            if isinstance(shown, forms.IntegerField):
                shown.re_decimal = NEVER  # Django would read 1.000 as 1
            _dress(shown.widget)
            if translated:
                _say(shown)
            shown.widget.attrs.setdefault("data-width", str(self.widths.get(name, WIDTH)))
        for name, unit in self.units.items():
            self.set_unit(name, unit)

    def set_unit(self, name: str, unit: str) -> None:
        """The suffix of one field's input, such as the record's currency."""
        self.fields[name].unit = unit  # type: ignore[attr-defined]  # the field template reads it

    def sheets(self) -> tuple[Tab, ...]:
        """The tabs with their fields; the open one is the first with an error, otherwise the first."""
        named = {name for _, names in self.tabs for name in names}
        unnamed = [field.name for field in self.visible_fields() if field.name not in named]
        assert not (self.tabs and unnamed), f"fields without a tab: {unnamed}"
        sheets = [(title, [self[name] for name in names]) for title, names in self.tabs or [("", unnamed)]]
        counts = [sum(len(field.errors) for field in fields) for _, fields in sheets]
        open_at = next((i for i, count in enumerate(counts) if count), 0)
        return tuple(
            Tab(title, f"{self.prefix or 'tab'}-{i}", tuple(fields), counts[i], i == open_at)
            for i, (title, fields) in enumerate(sheets)
        )

    def show_conflict(self, version: int, differences: Iterable[Difference]) -> None:
        """The record changed since the form was opened: shows both values and asks; saving again overwrites."""
        self.differences = tuple(differences)
        data = cast(QueryDict, self.data).copy()  # a QueryDict is read-only, its copy is not
        data[self.add_prefix("version")] = str(version)
        self.data = data

    def status(self) -> int:
        """The HTTP status that showing this form deserves."""
        if self.differences:
            return 409
        return 422 if self.is_bound and (self.errors or self.reason_error) else 200


def render_form(request: HttpRequest, form: HouseForm, *, template: str = "", **context: object) -> HttpResponse:
    """The page of a form, with the status its state deserves (200, 409 or 422).

    Context the page reads: `title`, `breadcrumbs`, `help_url`, `back_url` (where Cancel goes), `save_title` (words of
    the primary button), `lead` (a sentence above the form), `read_only` (shows no buttons), `saving` (see `Saving`),
    `can_stay` (offers Save and stay where the face has no `saving`).

    Where the request has `filled`, a fresh form opens with those values; what it was given as `kept_secrets` beside
    what was typed is not shown.
    """
    _fill(form, getattr(request, "filled", {}))
    _hide(form, getattr(request, "kept_secrets", frozenset()))
    return render(request, template or _page_of_face(request), {"form": form, **context}, status=form.status())


def _fill(form: HouseForm, values: Mapping[str, Any]) -> None:
    for name in values.keys() & form.fields.keys():
        value = values[name]
        field = form.fields[name]
        if isinstance(field, forms.DateTimeField) and isinstance(value, str):
            value = datetime.fromisoformat(value)
        elif isinstance(field, forms.TypedChoiceField) and isinstance(value, bool):
            choices = cast(Iterable[tuple[Any, Any]], field.choices)
            value = next((key for key, _ in choices if field.coerce(key) is value), value)
        form.initial[name] = value


def _hide(form: HouseForm, names: Iterable[str]) -> None:
    shown = [form.add_prefix(name) for name in names if form.is_bound]
    if shown:
        data = cast(QueryDict, form.data).copy()
        for name in shown:
            data[name] = ""
        form.data = data


def _page_of_face(request: HttpRequest) -> str:
    """The page of forms of the face that answers, with its styles and scripts."""
    face = request.resolver_match.app_name if request.resolver_match else ""
    return f"{face}/form.html" if face else "ui/form_page.html"


def _say(field: forms.Field) -> None:
    """Says what the form's class writes: hints in inputs, and choices, except those that a function gives. Choices that
    a form fills in later are data, but for the empty one, which the widget says."""
    attributes = field.widget.attrs
    attributes |= {name: told(attributes[name]) for name in SAID_ATTRIBUTES if name in attributes}
    if isinstance(field, forms.ChoiceField) and isinstance(field.choices, list):
        field.choices = [_said_choice(value, words) for value, words in field.choices]
    if isinstance(field.widget, forms.Select):
        _say_empty(field.widget)
    for part in field.widget.widgets if isinstance(field.widget, forms.MultiWidget) else ():
        if isinstance(part, forms.Select):
            part.choices = [_said_choice(value, words) for value, words in part.choices]


def _say_empty(widget: forms.Select) -> None:
    """Says the empty choice when it is drawn: a form may give its choices late."""
    create = widget.create_option

    def said(name: str, value: Any, label: Any, *place: Any, **more: Any) -> dict[str, Any]:
        return create(name, value, label if value else told(label), *place, **more)

    widget.create_option = said  # type: ignore[method-assign]  # of this form's own copy


def _said_choice(value: Any, words: Any) -> tuple[Any, Any]:
    if isinstance(words, (list, tuple)):
        return told(value), [_said_choice(*choice) for choice in words]
    return value, told(words)


def _dress(widget: forms.Widget) -> None:
    """Tabler's class for a widget, kept beside what the form has set itself."""
    if isinstance(widget, forms.CheckboxInput):
        css = "form-check-input"
    elif isinstance(widget, (forms.CheckboxSelectMultiple, forms.RadioSelect)):
        css = ""
    elif isinstance(widget, forms.Select):
        css = "form-select"
    else:
        css = "form-control"
    widget.attrs["class"] = f"{css} {widget.attrs.get('class', '')}".strip()
