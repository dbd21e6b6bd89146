"""Claims about the pages of ingress routes: those of a tag, and what an account without recording leaves shut."""

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tollgate.store.models import Account, IngressRoute, Tag

pytestmark = pytest.mark.django_db


def test_a_tag_s_route_is_made_on_the_tag_and_shown_with_every_customer_that_has_it(cast: Cast, ann: Client) -> None:
    tag = Tag.objects.get(name="Wholesale")
    cast.baltic.tags.add(tag)
    new = f"/tags/{tag.pk}/routes/new/"
    assert new in ann.get(f"/tags/{tag.pk}/").content.decode()
    form = ann.get(new).context["form"]
    offers = ann.get(f"/suggestions/route_card/?tag={tag.pk}").json()["offers"]
    assert offers == [{"value": "Retail", "words": "EUR"}]
    values = {name: field.initial for name, field in form.fields.items() if field.initial is not None}
    typed = {
        **values, "name": "Template", "card_id": "Retail", "channels": "0", "cps_milli": "0",
        "strategy": "lcr", "media": "proxy", "recording": "inherit", f"options-{cast.carrier_card.pk}-used": "on",
    }  # fmt: skip
    answer = ann.post(new, typed)
    assert (answer.status_code, answer.get("Location")) == (302, f"/tags/{tag.pk}/"), answer.content.decode()
    route = IngressRoute.objects.get(name="Template")
    for page in (f"/tags/{tag.pk}/", f"/customers/{cast.baltic.pk}/routing/", "/routes/"):
        assert f"/routes/{route.pk}/" in ann.get(page).content.decode(), page
    assert f"/routes/{route.pk}/" not in ann.get(f"/customers/{cast.acme.pk}/routing/").content.decode()
    rows = {row.name: row for row in ann.get("/customers/").context["grid"].rows}
    assert (rows["Baltic"].has_route, rows["Baltic"].has_endpoint) == (True, False)
    changed = ann.post(f"/routes/{route.pk}/", {**typed, "name": "Other", "version": route.version})
    assert changed.get("Location") == f"/tags/{tag.pk}/"
    assert ann.post(f"/routes/{route.pk}/delete/", {"confirmation": "Other"}).get("Location") == f"/tags/{tag.pk}/"
    assert not IngressRoute.objects.filter(tag=tag).exists()


def test_recording_is_chosen_on_a_route_only_where_the_account_has_it(cast: Cast, ann: Client) -> None:
    page = f"/routes/{cast.route.pk}/"
    values = {"name": "World", "card_id": "Retail", "channels": "0", "cps_milli": "0", "strategy": "lcr",
              "media": "proxy", "enabled": "on", f"options-{cast.carrier_card.pk}-used": "on"}  # fmt: skip
    for has_it, wish in ((False, "inherit"), (True, "on")):
        Account.objects.update(recording=has_it)
        form = ann.get(page).context["form"]
        assert form.fields["recording"].disabled is not has_it
        assert ("not enabled in System &gt; Account" in str(form["recording"].as_field_group())) is not has_it
        version = IngressRoute.objects.get(pk=cast.route.pk).version
        assert ann.post(page, {**values, "recording": "on", "version": version}).status_code == 302
        assert IngressRoute.objects.get(pk=cast.route.pk).recording == wish
