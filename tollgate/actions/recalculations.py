"""Acts that price calls anew. No CDR is changed: entries of kind `correction` lead to what a call should have cost.

`start_recalculation` begins a task (tasks.py) that looks for the calls and then has a row for each,
`take_back_recalculation` one that posts the opposite of every entry, the latest of a call first: each was reckoned from
what stood before it. When either task is
over or canceled, another one looks for the issued invoices whose calls it corrected, by its first row, and issues a
credit or debit note on each (correction_notes.py), a row for each; all else comes as correction lines on the next
document, by the difference that documents are made of. What would happen is told in recalculation_preview.py. To
recalculate by another rule, see `core.recalculation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from tollgate.actions import checks, delay_values, records, task_searches, tasks
from tollgate.actions.acts import NotFound, NotPermitted, act, because, current, refuse, tell_audit
from tollgate.actions.postings import post
from tollgate.actions.statements import fetch
from tollgate.core.recalculation import Correction
from tollgate.store.models import (
    CDR,
    Account,
    ArchivedCall,
    Carrier,
    Customer,
    Entry,
    Recalculation,
    Task,
    Wallet,
)
from tollgate.store.queries.recalculation import call_of, ids_of, reprice

KINDS: Final = ("rerate", "adjust_duration")
RELEASED_BY: Final = ("caller", "callee", "tollgate", "edge")
MOST_S: Final = 86_400
NOTES: Final = "correction_notes"
"""The kind of task that issues notes."""
RECALCULATE: Final = "recalculate"
TAKING_BACK: Final = "take_back"
LOOKED_FOR: Final = {RECALCULATE: "Calls that it is about", TAKING_BACK: "Calls that it has corrected"}
TAKE_BACK: Final = "take back "
"""What the key of an opposite entry begins with; the id of the entry that it takes back follows."""
CHECKS: Final[Mapping[str, checks.Check]] = {
    "kind": checks.one_of(KINDS),
    "from_at": checks.instant,
    "until_at": checks.instant,
    "least_s": checks.optional(checks.whole(0, MOST_S)),
    "new_s": checks.optional(checks.whole(0, MOST_S)),
    "reason": checks.text(500, required=True),
    "on_notes": checks.optional(checks.yes_no),
}


@act
def start_recalculation(
    *,
    account_id: int,
    kind: str,
    from_at: str | datetime,
    until_at: str | datetime,
    reason: str,
    customer_id: int | None = None,
    carrier_id: int | None = None,
    released_by: Sequence[str] = (),
    least_s: int | None = None,
    new_s: int | None = None,
    on_notes: bool | None = None,
) -> Recalculation:
    """Prices the charged calls of some time anew, in a task; the CDRs stay, corrections are posted.

    `rerate` uses the revisions now in force for the time of each call; `adjust_duration` takes each call of at least
    `least_s` as one of `new_s` and rates it so. No `released_by` means whoever ended it. `on_notes` tells what it
    corrects of issued invoices by credit and debit notes at once, false by a line of the next document; empty is notes
    for who may issue them. Who asks for the same again gets the one that is under way.
    """
    wanted = wanted_recalculation(
        account_id=account_id, kind=kind, from_at=from_at, until_at=until_at, reason=reason, customer_id=customer_id,
        carrier_id=carrier_id, released_by=released_by, least_s=least_s, new_s=new_s, on_notes=on_notes,
    )  # fmt: skip
    because(wanted.reason)
    known = _under_way(wanted)
    if known is not None:
        return known
    wanted.save()
    title = f"Recalculation {wanted.pk}: {wanted.reason}"
    return _begun(wanted, RECALCULATE, "recalculate_call", title, wanted.reason)


@act
def recalculate_call(*, call_id: int, recalculation_id: int) -> int:
    """Posts what leads one call to its new cost; a second time finds nothing left to post. Gives how many entries."""
    wanted = records.find(Recalculation, recalculation_id)
    if wanted.taken_back_at is not None:
        raise refuse("recalculation_id", "This recalculation was taken back.")
    cdr = call_of(wanted, call_id)
    if cdr is None:
        raise NotFound(f"Call {call_id} is not one of this recalculation.")
    first = reprice(cdr, wanted)
    _lock(one.wallet_id for one in first.corrections)
    found = reprice(cdr, wanted)  # what was posted before the locks were held is seen now
    if found.problem:
        raise refuse("call_id", found.problem)
    moving = [one for one in found.corrections if one.amount_micros]
    if moving:
        _keep_skeleton(cdr)
    for one in moving:
        _post(one, cdr, wanted)
    return len(moving)


@act
def take_back_recalculation(*, recalculation_id: int, reason: str) -> Recalculation:
    """Posts the opposite of everything that a recalculation has posted, in a task. One that is followed by another of
    the same calls is not taken back: the task says so."""
    words = checks.cleaned({"reason": CHECKS["reason"]}, {"reason": reason})["reason"]
    because(words)
    done = records.locked(Recalculation, recalculation_id)
    if done.taken_back_at is not None:
        raise refuse("recalculation_id", "This recalculation was taken back already.")
    if done.task is not None and done.task.state in tasks.OPEN:
        if done.task.kind == TAKING_BACK:
            raise refuse("recalculation_id", "It is being taken back already.")
        raise refuse("recalculation_id", "It is still running: cancel its job first.")
    title = f"Recalculation {done.pk} taken back: {words}"
    return _begun(done, TAKING_BACK, "take_back_call", title, words)


@act
def take_back_call(*, call_id: int, recalculation_id: int) -> int:
    """Posts the opposite of what a recalculation has posted for one call, once. Gives how many entries."""
    done = records.find(Recalculation, recalculation_id)
    if done.taken_back_at is None:
        raise refuse("recalculation_id", "This recalculation was not taken back.")
    entries = Entry.objects.filter(account_id=done.account_id, ref=ref_of(done), call_id=call_id)
    found = list(entries.exclude(key__startswith=TAKE_BACK).select_related("wallet").order_by("wallet_id"))
    _lock(entry.wallet_id for entry in found)
    _refuse_before_later(entries)
    for entry in found:
        post(
            entry.wallet,
            entry.book,
            "correction",
            amount_micros=-entry.amount_micros,
            note=f"Taken back: {entry.note}"[:1000],
            key=f"{TAKE_BACK}{entry.pk}",
            ref=ref_of(done),
            call_id=call_id,
        )
    return len(found)


def wanted_recalculation(
    *, account_id: int, customer_id: int | None, carrier_id: int | None, released_by: Sequence[str], **given: Any
) -> Recalculation:
    """A recalculation that is not kept yet. Raises Invalid."""
    values = checks.cleaned(CHECKS, given)
    account = records.find(Account, account_id)
    if values["until_at"] <= values["from_at"]:
        raise refuse("until_at", "The end comes after the beginning.")
    if set(released_by) - set(RELEASED_BY):
        raise refuse("released_by", f"Choose among {', '.join(RELEASED_BY)}.")
    adjusting = values["kind"] == "adjust_duration"
    for name in ("least_s", "new_s"):
        if adjusting and values[name] is None:
            raise refuse(name, "Adjusting durations needs both durations.")
        if not adjusting and values[name] is not None:
            raise refuse(name, "Only adjusting durations has durations.")
    may_note = current.get().may_do("note_corrections")
    if values.get("on_notes") and not may_note:
        raise NotPermitted("note_corrections")
    values["on_notes"] = may_note if values.get("on_notes") is None else values["on_notes"]
    return Recalculation(
        account=account,
        customer=records.find(Customer, customer_id) if customer_id is not None else None,
        carrier=records.find(Carrier, carrier_id) if carrier_id is not None else None,
        released_by=sorted(set(released_by)),
        author=current.get().name,
        **values,
    )


def ref_of(recalculation: Recalculation) -> str:
    """What its entries name."""
    return f"recalculation:{recalculation.pk}"


def notes_task_of(recalculation: Recalculation) -> Task | None:
    """The newest task that issues its notes."""
    begun = Task.objects.filter(kind=NOTES, arguments__recalculation_id=recalculation.pk)
    return begun.order_by("-pk").first()


def _begin_notes(task: Task) -> None:
    """Begins the task that issues the notes of a recalculation, or of what was taken back, once its calls are over.

    Whoever may issue none begins none: then the next documents bear the corrections. This may be the moment in which
    somebody cancels it on a page: so the invoices are looked for by the task.
    """
    wanted = Recalculation.objects.filter(pk=delay_values.read(task.arguments)["recalculation_id"]).first()
    if wanted is None or not wanted.on_notes or not current.get().may_do("note_corrections"):
        return
    if Entry.objects.filter(account_id=wanted.account_id, ref=ref_of(wanted)).exists():
        task_searches.begin(
            kind=NOTES,
            noun="invoice",
            act_name="note_corrections",
            title=f"Notes of recalculation {wanted.pk}",
            looked_for="Invoices whose calls were corrected",
            account_id=wanted.account_id,
            arguments={"recalculation_id": wanted.pk},
            source=task,
        )


def _of_task(task: Task) -> Recalculation:
    return records.find(Recalculation, delay_values.read(task.arguments)["recalculation_id"])


def _calls_about(task: Task) -> Iterator[tuple[int, str]]:
    wanted = _of_task(task)
    if wanted.taken_back_at is not None:
        raise refuse("recalculation_id", "This recalculation was taken back.")
    return ids_of(wanted)


def _calls_corrected(task: Task) -> Iterator[tuple[int, str]]:
    """The calls of which a recalculation has posted anything; from now on it counts as taken back."""
    done = records.locked(Recalculation, _of_task(task).pk)
    entries = Entry.objects.filter(account_id=done.account_id, ref=ref_of(done))
    _refuse_before_later(entries)
    if done.taken_back_at is None:
        tell_audit(current.get(), "take_back_recalculation")
        records.change(done, {"taken_back_at": records.now(), "taken_back_by": task.author})
    calls = entries.exclude(call_id=None).order_by("call_id").values_list("call_id", flat=True).distinct()
    return ((pk, f"Call {pk}") for pk in calls.iterator() if pk is not None)


def _invoices_corrected(task: Task) -> Iterator[tuple[int, str]]:
    wanted = _of_task(task)
    span = (wanted.from_at, wanted.until_at)
    found = fetch("invoices", "corrected_invoices", wanted.account_id, ref_of(wanted), wanted.pk, *span)
    return ((one["id"], one["number"]) for one in found)


def _under_way(wanted: Recalculation) -> Recalculation | None:
    """The same that the author has begun already, as by a button that is pressed twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{__name__} {wanted.author}"])
    same = {
        name: getattr(wanted, name) for name in (*CHECKS, "account", "customer", "carrier", "released_by", "author")
    }
    begun = Recalculation.objects.filter(task__kind=RECALCULATE, task__state__in=tasks.OPEN, **same)
    return begun.order_by("pk").first()


def _begun(wanted: Recalculation, kind: str, act_name: str, title: str, reason: str) -> Recalculation:
    task = task_searches.begin(
        kind=kind,
        noun="call",
        act_name=act_name,
        title=title[: tasks.TITLE_MOST],
        looked_for=LOOKED_FOR[kind],
        account_id=wanted.account_id,
        arguments={"recalculation_id": wanted.pk},
        reason=reason,
    )
    return records.change(wanted, {"task_id": task.pk})


def _refuse_before_later(own: QuerySet[Entry]) -> None:
    """Refuses to take entries back while a later recalculation of such a call and wallet stands."""
    before = own.filter(call_id=OuterRef("call_id"), wallet_id=OuterRef("wallet_id"), pk__lt=OuterRef("pk"))
    back = Entry.objects.filter(
        account_id=OuterRef("account_id"), key=Concat(Value(TAKE_BACK), Cast(OuterRef("pk"), TextField()))
    )
    later = Entry.objects.filter(
        Exists(before.exclude(ref=OuterRef("ref"))),
        ~Exists(back),
        call_id__in=own.values("call_id"),
        kind="correction",
        ref__startswith="recalculation:",
    )
    last = later.exclude(key__startswith=TAKE_BACK).order_by("-pk").values_list("ref", flat=True).first()
    if last is not None:
        number = last.partition(":")[2]
        raise refuse("recalculation_id", f"It was followed by another: take back recalculation {number} first.")


def _lock(wallet_ids: Iterable[int]) -> None:
    """In the one order in which wallets are ever locked, as `lock_wallets` of store/sql/ledger_desk.sql does."""
    list(Wallet.objects.select_for_update().filter(pk__in=set(wallet_ids)).order_by("-depth", "pk"))


def _keep_skeleton(cdr: CDR) -> None:
    """Of a call that only the lake has and no entry named before: what its first entry needs to know of it."""
    if CDR.objects.filter(account_id=cdr.account_id, pk=cdr.pk).exists():
        return
    legs = (cdr.detail or {}).get("legs") or [{}]
    ArchivedCall.objects.bulk_create(
        [
            ArchivedCall(
                id=cdr.pk,
                account_id=cdr.account_id,
                started_at=cdr.started_at,
                customer_id=cdr.customer_id,
                ingress_route_id=cdr.ingress_route_id,
                destination=cdr.destination,
                billed_s=cdr.billed_s,
                cost_micros=cdr.cost_micros,
                carrier_id=cdr.carrier_id,
                prefix=cdr.prefix or "",
                currency=cdr.currency,
                carrier_currency=cdr.carrier_currency,
                profit_known=cdr.profit_micros is not None,
                seller_wallet_id=legs[-1].get("wallet"),
            )
        ],
        ignore_conflicts=True,
    )


def _post(one: Correction, cdr: CDR, wanted: Recalculation) -> None:
    post(
        Wallet.objects.get(pk=one.wallet_id),
        one.book,
        "correction",
        amount_micros=one.amount_micros,
        note=f"{wanted.reason} ({wanted.author})"[:1000],
        key=f"recalculation {wanted.pk} {cdr.pk} {one.wallet_id}",
        ref=ref_of(wanted),
        call_id=cdr.pk,
    )


tasks.FOLLOWING.update({RECALCULATE: _begin_notes, TAKING_BACK: _begin_notes})
task_searches.looking(RECALCULATE, _calls_about)
task_searches.looking(TAKING_BACK, _calls_corrected)
task_searches.looking(NOTES, _invoices_corrected)
