"""Providers of OpenID Connect by which people log in, and whom each knows."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.contacts import Contact
from tollgate.store.models.portal_domains import PortalDomain
from tollgate.store.models.records import Record, one_of
from tollgate.store.models.users import User, UserGroup


class SignInProvider(Record):
    """A provider of OpenID Connect that users, or the contacts of one portal, log in by.

    `secret_sealed` is the client's secret (store.secrets). `domain` is the portal domain whose contacts it serves, null
    for the portal without one; of users it is null. With `groups` it says at each login which groups a user is in.
    With `trusts_emails` the emails that it tells count as verified though it does not say so.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="sign_in_providers")
    title = models.CharField(max_length=50)
    enabled = models.BooleanField(default=True)
    serves = models.TextField(default="users")
    domain = models.ForeignKey(
        PortalDomain, on_delete=models.PROTECT, null=True, blank=True, related_name="sign_in_providers"
    )
    issuer = models.CharField(max_length=500)
    client_id = models.CharField(max_length=200)
    secret_sealed = models.TextField(blank=True, default="")
    scopes = models.CharField(max_length=200, default="openid email profile")
    groups_claim = models.CharField(max_length=100, default="groups")
    creates_users = models.BooleanField(default=False)
    trusts_emails = models.BooleanField(default=False)
    groups_version = models.IntegerField(default=1, editable=False)

    class Meta:
        db_table = "sign_in_provider"
        constraints = [
            models.UniqueConstraint(fields=["account", "title"], name="sign_in_provider_title_once"),
            one_of("serves", "users", "contacts", name="sign_in_provider_serves"),
        ]

    def __str__(self) -> str:
        return self.title


class SignInGroup(models.Model):
    """Whoever the provider says is in `claim` is in the group from that login on."""

    id = models.BigAutoField(primary_key=True)
    provider = models.ForeignKey(SignInProvider, on_delete=models.CASCADE, related_name="groups")
    claim = models.CharField(max_length=200)
    group = models.ForeignKey(UserGroup, on_delete=models.CASCADE, related_name="sign_in_groups")

    class Meta:
        db_table = "sign_in_group"
        constraints = [models.UniqueConstraint(fields=["provider", "claim", "group"], name="sign_in_group_once")]

    def __str__(self) -> str:
        return f"{self.claim}: {self.group}"


class SignInLink(models.Model):
    """Whom a provider means by a `subject`, its own name for a person that never changes: a user or a contact."""

    id = models.BigAutoField(primary_key=True)
    provider = models.ForeignKey(SignInProvider, on_delete=models.CASCADE, related_name="links")
    subject = models.CharField(max_length=255)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="sign_in_links")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="sign_in_links")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "sign_in_link"
        constraints = [
            models.UniqueConstraint(fields=["provider", "subject"], name="sign_in_link_once"),
            models.CheckConstraint(
                condition=models.Q(user__isnull=False) ^ models.Q(contact__isnull=False), name="sign_in_link_of_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.subject}"
