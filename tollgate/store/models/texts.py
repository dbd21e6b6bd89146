"""Words of the pages that the account has put in place of ours."""

from django.db import models
from django.db.models.functions import MD5

from tollgate.store.models.accounts import Account
from tollgate.store.models.records import Record


class OwnText(Record):
    """What the pages say in one language in place of a message of the catalogs (as `core.phrases` has it)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="own_texts")
    language = models.CharField(max_length=10)
    message = models.TextField()
    text = models.TextField()

    class Meta:
        db_table = "own_text"
        constraints = [
            # A digest, for an index entry has no room for the longest messages.
            models.UniqueConstraint("account", "language", MD5("message"), name="own_text_once"),
        ]

    def __str__(self) -> str:
        return f"{self.language}: {self.text}"


class TextChanges(models.Model):
    """How often the account's own texts have changed: a process that has seen fewer reads them again."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="text_changes")
    count = models.BigIntegerField(default=0)

    class Meta:
        db_table = "own_text_changes"

    def __str__(self) -> str:
        return f"{self.account}: {self.count}"
