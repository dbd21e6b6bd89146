"""Claims about languages: pages speak that of whoever reads, in the account's own words where it has some."""

from collections.abc import Iterator

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.panel.cast import Cast
from tollgate.actions.acts import Actor, Invalid, acting
from tollgate.actions.customers import update_customer
from tollgate.actions.texts import import_own_texts, revert_own_text, set_own_text
from tollgate.panel.texts import digest_of
from tollgate.store.catalogs import all_messages
from tollgate.store.models import Audit, OwnText, Tag, TextChanges, User
from tollgate.ui import words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    """This process begins without texts of other tests."""
    words.forget()
    yield
    words.forget()


def page(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return str(answer.content.decode())


def say(cast: Cast, message: str, text: str, language: str = "es") -> OwnText:
    with acting(Actor("Ann", frozenset({"*"}))):
        return set_own_text(account_id=cast.account.pk, language=language, message=message, text=text)


def test_pages_speak_the_users_language_and_data_stays_as_it_is(cast: Cast, ann: Client) -> None:
    english = page(ann, "/customers/")
    with acting(Actor("Ann", frozenset({"*"}))):
        update_customer(customer_id=cast.acme.pk, name="Customers")
    say(cast, "Customers", "Clientes <b>")
    say(cast, "Active", "Activo")
    User.objects.filter(pk=cast.ann.pk).update(language="es")
    spanish = page(ann, "/customers/")
    assert '<html lang="en"' in english
    assert '<html lang="es"' in spanish
    assert "Clientes &lt;b&gt;</h1>" in spanish.replace('<span class="page-badges"></span>', "")
    assert ">Activo</span>" in spanish
    own = page(ann, f"/customers/{cast.acme.pk}/")
    assert "Clientes &lt;b&gt;</a>" in own  # the way to the list is ours
    assert ">Customers<span" in own  # the customer is called so
    amounts = [line for line in english.splitlines() if 'data-value="' in line]
    assert all(line.split('data-value="')[1][:8] in spanish for line in amounts)


def test_the_account_then_the_browser_decide_where_nobody_has_chosen(cast: Cast, ann: Client) -> None:
    asked = {"Accept-Language": "lt, pt-BR;q=0.9, en;q=0.5"}
    assert '<html lang="pt"' in page(ann, "/customers/", **asked)
    assert '<html lang="pt"' in page(Client(), "/account/login/", **asked)
    type(cast.account).objects.filter(pk=cast.account.pk).update(language="de")
    assert '<html lang="de"' in page(ann, "/customers/", **asked)
    assert '<html lang="de"' in page(Client(), "/account/login/", **asked)
    form = {"name": "Ann", "zone": "UTC", "language": "fr"}
    assert ann.post("/me/", form).status_code == 302
    assert '<html lang="fr"' in page(ann, "/customers/", **asked)
    assert ann.post("/me/", {**form, "language": "tlh"}).status_code == 422


def test_sessions_from_before_there_were_languages_stay_open(ann: Client) -> None:
    session = ann.session
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session.save()
    assert "Log out" in page(ann, "/customers/")


def test_every_process_says_a_new_text_from_its_next_page_on(cast: Cast, ann: Client) -> None:
    assert "Log out" in page(ann, "/customers/")
    own = say(cast, "Log out", "Leave", "en")
    assert ">Leave</button>" in " ".join(page(ann, "/customers/").split()).replace(" </", "</").replace("> L", ">L")
    other = dict(words._known)  # what another process knows by now
    say(cast, "Log out", "Go home", "en")
    words._known.clear()
    words._known.update(other)
    assert "Go home" in page(ann, "/customers/")
    with acting(Actor("Ann", frozenset({"*"}))):
        revert_own_text(own_text_id=own.pk)
    assert "Log out" in page(ann, "/customers/")
    assert TextChanges.objects.get().count == 3
    assert list(Audit.objects.filter(table_name="own_text").values_list("verb", flat=True).order_by("id")) == [
        "INSERT", "UPDATE", "DELETE",
    ]  # fmt: skip


def test_a_text_keeps_what_the_page_puts_into_it(cast: Cast, ann: Client) -> None:
    message = "Type <strong>{name}</strong> to go on"
    with pytest.raises(Invalid, match=r"\{name\} is missing"):
        say(cast, message, "Escriba <strong></strong>")
    with pytest.raises(Invalid, match=r"\{nombre\} has no meaning"):
        say(cast, message, "Escriba <strong>{name}</strong> {nombre}")
    with pytest.raises(Invalid, match="</strong> stands in the wrong place"):
        say(cast, message, "Escriba </strong>{name}<strong>")
    with pytest.raises(Invalid, match="No page says this"):
        say(cast, "Nobody says this", "Nadie")
    address = f"/texts/es/{digest_of(message)}/"
    answer = ann.post(address, {"text": "Escriba", "version": 0})
    assert answer.status_code == 422
    assert "is missing: the page puts something in its place" in answer.content.decode()
    assert ann.post(address, {"text": "Escriba <strong>{name}</strong>", "version": 0}).status_code == 302
    stale = ann.post(address, {"text": "Otra <strong>{name}</strong>", "version": 0})
    assert stale.status_code == 409  # somebody has written one since
    assert "in the meantime" in page_of_revert(ann, address, version=9)
    assert "Your own" in page(ann, "/texts/?q=Escriba&f.language=es")


def page_of_revert(client: Client, address: str, *, version: int) -> str:
    return str(client.post(f"{address}revert/", {"version": version}, follow=True).content.decode())


def take(cast: Cast, content: str) -> int:
    with acting(Actor("Ann", frozenset({"*"}))):
        return import_own_texts(account_id=cast.account.pk, language="es", content=content)


def test_names_are_never_translated_in_titles_crumbs_and_choices(cast: Cast, ann: Client) -> None:
    with acting(Actor("Ann", frozenset({"*"}))):
        update_customer(customer_id=cast.acme.pk, name="Balance")
    say(cast, "Balance", "Saldo")
    Tag.objects.create(account=cast.account, name="Balance")
    User.objects.filter(pk=cast.ann.pk).update(language="es")
    listed = page(ann, "/customers/")
    assert ">Balance</option>" in listed
    assert ">Saldo</option>" not in listed.partition('name="f.tag"')[2].partition("</select>")[0]
    settings = page(ann, f"/customers/{cast.acme.pk}/edit/")
    assert "<title>Balance: " in settings
    assert ">Balance</a>" in settings
    found = ann.get("/customers/")
    assert found["Content-Language"] == "es"
    assert "accept-language" in found["Vary"].lower()


def test_a_file_of_texts_survives_a_spreadsheet(cast: Cast, ann: Client) -> None:
    say(cast, "Cancel", "=Dejar")
    sent = ann.get("/texts/es.csv").content
    assert sent.startswith(b"\xef\xbb\xbf")
    assert b",'=Dejar" in sent
    assert take(cast, sent.decode("utf-8-sig")) == 0  # the apostrophe is gone again
    assert take(cast, "message;stock;text\nCancel;;Dejar, ya\nSave;;Guardar\n") == 2
    assert list(OwnText.objects.order_by("message").values_list("text", "version")) == [
        ("Dejar, ya", 2), ("Guardar", 1),
    ]  # fmt: skip
    assert TextChanges.objects.get().count == 3
    for bad, why in (("a\0b", "control characters"), ("x" * 5001, "Use at most")):
        with pytest.raises(Invalid, match=why):
            take(cast, f"message,text\nCancel,{bad}\n")
    blank = next(message for message in all_messages() if message.startswith(" ") and "{" not in message)
    assert say(cast, blank, "y").text.startswith(" ")


def test_texts_go_out_as_a_file_and_come_back_whole_or_not_at_all(cast: Cast, ann: Client) -> None:
    say(cast, "Cancel", "Dejar, “ya”")
    for kind in ("po", "csv"):
        sent = ann.get(f"/texts/es.{kind}").content
        OwnText.objects.all().delete()
        file = SimpleUploadedFile(f"t.{kind}", sent)
        assert ann.post("/texts/import/", {"language": "es", "file": file}).status_code == 302
        assert OwnText.objects.get().text == "Dejar, “ya”"
    with acting(Actor("Ann", frozenset({"*"}))), pytest.raises(Invalid, match="No page says this"):
        import_own_texts(
            account_id=cast.account.pk, language="es", content="message,text\nSave,Guardar\nNobody,Nadie\n"
        )
    assert OwnText.objects.count() == 1


def test_errors_and_messages_are_said_with_their_values(cast: Cast, ann: Client) -> None:
    say(cast, "Use at most {most} characters; this has {trimmed}.", "Máximo {most}, tiene {trimmed}.")
    User.objects.filter(pk=cast.ann.pk).update(language="es")
    answer = ann.post("/me/", {"name": "", "zone": "UTC", "language": "es"})
    assert "Este campo es obligatorio." in answer.content.decode()  # Django's own sentence
    words.forget()
    with words.spoken(lambda: ("es", 1), lambda _: dict(OwnText.objects.values_list("message", "text"))):
        assert words.told("Use at most 200 characters; this has 512.") == "Máximo 200, tiene 512."
        assert words.told(words.as_is("Use at most 200 characters; this has 512.")).startswith("Use")
        assert words.told("Quite another sentence.") == "Quite another sentence."
