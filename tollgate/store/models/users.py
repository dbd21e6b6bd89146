"""Users: who works in the panel, and the groups that give them rights."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from tollgate.store.models.networks import NetworkField

EVERY_ACT = "*"


class UserGroup(models.Model):
    """A named set of acts to do and areas (core.areas) to read; `*` stands for every one."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=100, unique=True)
    acts = ArrayField(models.TextField(), default=list, blank=True)
    areas = ArrayField(models.TextField(), default=list, blank=True)
    second_factor = models.BooleanField(default=False)
    """Whether members need a second factor."""
    version = models.IntegerField(default=1, editable=False)

    class Meta:
        db_table = "user_group"

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes users; the email is the login and is kept in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Make a user with a hashed password."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find by login, whatever its case."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person who works in the panel. Rights come from groups alone; without a group there are none."""

    id = models.BigAutoField(primary_key=True)
    email = models.EmailField(unique=True)
    email_verified_at = models.DateTimeField(null=True, blank=True)
    """When it was proved that the email is read; none while nobody has."""
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    zone = models.TextField(default="UTC")
    theme = models.TextField(default="auto")
    language = models.CharField(max_length=10, blank=True, default="")
    """Of the panel; empty is as the account says, else as the browser asks."""
    version = models.IntegerField(default=1, editable=False)
    groups_version = models.IntegerField(default=1, editable=False)
    reseller_id = models.BigIntegerField(null=True, blank=True)
    allowed_networks = ArrayField(NetworkField(), default=list, blank=True)
    password_must_change = models.BooleanField(default=False)
    session_epoch = models.IntegerField(default=0)
    recovery_hashes = ArrayField(models.TextField(), default=list, blank=True)
    factor_asked_at = models.DateTimeField(null=True, blank=True)
    """When this user first worked without the second factor that was needed: from then on the days count."""
    groups = models.ManyToManyField(UserGroup, blank=True, related_name="users", db_table="app_user_group")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        db_table = "app_user"

    def __str__(self) -> str:
        return self.name or self.email

    def rights(self) -> tuple[frozenset[str], frozenset[str]] | None:
        """The acts this user may do and the areas they may read; None for one in no group, who may nothing."""
        groups = list(self.groups.all())
        if not groups or not self.is_active:
            return None
        acts = frozenset(act for group in groups for act in group.acts)
        return acts, frozenset(area for group in groups for area in group.areas)

    def acts(self) -> frozenset[str] | None:
        """The acts alone; None for a user in no group."""
        given = self.rights()
        return given[0] if given is not None else None

    def get_session_auth_hash(self) -> str:
        """What a session must match to live on: a new password or a new epoch ends every one."""
        salt = "tollgate.store.models.users.User.session"
        return salted_hmac(salt, f"{self.password} {self.session_epoch}", algorithm="sha256").hexdigest()


class SavedView(models.Model):
    """How a user likes to see a list: its address part, by name. The one named '' is taken when none is asked for.

    A `shared` one stands in the menu of everybody of the same reseller, or of none, who may see the list.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    grid = models.CharField(max_length=50)
    name = models.CharField(max_length=100, blank=True, default="")
    query = models.TextField(blank=True, default="")
    shared = models.BooleanField(default=False)

    class Meta:
        db_table = "saved_view"
        constraints = [models.UniqueConstraint(fields=["user", "grid", "name"], name="saved_view_once")]

    def __str__(self) -> str:
        return f"{self.grid}: {self.name}"


class ApiToken(models.Model):
    """A bearer token of a user or a contact. Only its hash is kept; `scopes` narrow what its owner may do."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="api_tokens")
    contact_id = models.BigIntegerField(null=True, blank=True)
    name = models.CharField(max_length=100)
    shown = models.CharField(max_length=12)
    secret_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.TextField(), default=list, blank=True)
    allowed_networks = ArrayField(NetworkField(), default=list, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.GenericIPAddressField(null=True, blank=True)
    last_used_agent = models.TextField(blank=True, default="")
    """What the program called itself then."""

    class Meta:
        db_table = "api_token"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False) ^ models.Q(contact_id__isnull=False), name="api_token_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApiAnswer(models.Model):
    """The first answer to a write with an Idempotency-Key, given again to every repeat for a day."""

    id = models.BigAutoField(primary_key=True)
    owner = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.IntegerField()
    body = models.BinaryField()
    content_type = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "api_answer"
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="api_answer_once")]

    def __str__(self) -> str:
        return f"{self.owner} {self.key}"
