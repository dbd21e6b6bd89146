"""Users: who works in the panel, and the groups that give them rights."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

EVERY_ACT = "*"


class UserGroup(models.Model):
    """A named set of acts. A member of any group may read; `*` stands for every act."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=100, unique=True)
    acts = ArrayField(models.TextField(), default=list, blank=True)

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
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    zone = models.TextField(default="UTC")
    theme = models.TextField(default="auto")
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

    def acts(self) -> frozenset[str] | None:
        """The acts this user may do, None when the user is in no group and may not even read."""
        groups = list(self.groups.all())
        return frozenset(act for group in groups for act in group.acts) if groups and self.is_active else None
