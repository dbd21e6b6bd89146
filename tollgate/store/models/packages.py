"""Packages: what customers hold beside calls, charged again and again; and the free minutes that come with some."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.dids import Did
from tollgate.store.models.records import Record, not_negative, one_of


class Package(Record):
    """What may be sold to customers again and again: its price, when it falls due, the minutes that it holds.

    With `minimum_spend` the retail price is the least that calls of a period cost: the difference falls due at its end.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="sold_packages")
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, default="")
    kind = models.TextField(default="standard")
    currency = models.CharField(max_length=3)
    cost_nanos = models.BigIntegerField(default=0)
    """What one of it costs us, each time and at the start: for the profit."""
    retail_nanos = models.BigIntegerField(default=0)
    setup_cost_nanos = models.BigIntegerField(default=0)
    setup_retail_nanos = models.BigIntegerField(default=0)
    frequency = models.TextField(default="monthly")
    match_days = ArrayField(models.IntegerField(), default=list, blank=True)
    """Days of the month, or of the week (1 is Monday), on which it falls due; none: counted from its start."""
    prorate = models.BooleanField(default=True)
    minimum_days = models.IntegerField(default=0)
    minimum_spend = models.BooleanField(default=False)
    minutes = models.IntegerField(default=0)
    prefixes = ArrayField(models.CharField(max_length=18), default=list, blank=True)
    """What the minutes may be used for; none: every number."""
    rollover = models.BooleanField(default=False)
    """Minutes left at the end of a period may still be used in the next one."""
    feature = models.TextField(blank=True, default="", db_default="")
    """What of the platform comes with it: `recording` has the calls of who holds it recorded."""

    class Meta:
        db_table = "package"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="package_name_once"),
            one_of("kind", "standard", "free_minutes", name="package_kind"),
            one_of("frequency", "none", "daily", "weekly", "monthly", name="package_frequency"),
            one_of("feature", "", "recording", name="package_feature"),
            not_negative(
                "cost_nanos", "retail_nanos", "setup_cost_nanos", "setup_retail_nanos", "minimum_days", "minutes",
                name="package_amounts",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name


class CustomerPackage(Record):
    """A package that a customer holds, from its first day to its last one, that included.

    What lies before `done_until_on` is done with: it was charged, or let go because the customer rested. `next_on` is
    the day of the next charge; without one there is none to come. One for a DID keeps the number in `did_number`, also
    when the DID is gone.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="packages")
    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="holders")
    did = models.ForeignKey(Did, on_delete=models.SET_NULL, null=True, blank=True, related_name="packages")
    did_number = models.CharField(max_length=20, blank=True, default="", db_default="")
    quantity = models.IntegerField(default=1)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    auto_decrement = models.BooleanField(default=True)
    """Whether a charge is taken from the balance at once, or billed with the next invoice."""
    minutes = models.IntegerField(null=True, blank=True)
    """Of each one, in place of those that the package says."""
    done_until_on = models.DateField(null=True)
    next_on = models.DateField(null=True)
    noticed_on = models.DateField(null=True)
    """The renewal that its contacts have been told of."""

    class Meta:
        db_table = "customer_package"
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="customer_package_quantity"),
            models.CheckConstraint(condition=Q(minutes=None) | Q(minutes__gte=1), name="customer_package_minutes"),
        ]
        indexes = [models.Index(fields=["next_on"], name="customer_package_next", condition=Q(next_on__isnull=False))]

    def __str__(self) -> str:
        return f"{self.package} x {self.quantity}"


class Bundle(models.Model):
    """The free minutes of one period. Its wallet, kept by a trigger, holds what is left in micros of a second.

    What it was made with never changes; only its end may come earlier.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="bundles")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="bundles")
    customer_package = models.ForeignKey(CustomerPackage, on_delete=models.PROTECT, related_name="bundles")
    name = models.CharField(max_length=100)
    from_on = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    prefixes = ArrayField(models.CharField(max_length=18), default=list, blank=True)
    granted_s = models.BigIntegerField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "bundle"
        constraints = [models.UniqueConstraint(fields=["customer_package", "from_on"], name="bundle_once")]
        indexes = [models.Index(fields=["customer", "ends_at"], name="bundle_customer")]

    def __str__(self) -> str:
        return self.name


class SpendPeriod(models.Model):
    """A period of a minimum spend that was charged: what was the least, what its calls cost, what was charged in all.

    Calls that are corrected later lead to another charge. `entry_id` is the newest correction of the customer's wallet
    that was looked at.
    """

    id = models.BigAutoField(primary_key=True)
    customer_package = models.ForeignKey(CustomerPackage, on_delete=models.PROTECT, related_name="spend_periods")
    from_on = models.DateField()
    until_on = models.DateField()
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()
    least_micros = models.BigIntegerField()
    used_micros = models.BigIntegerField()
    charged_micros = models.BigIntegerField()
    entry_id = models.BigIntegerField()

    class Meta:
        db_table = "spend_period"
        constraints = [models.UniqueConstraint(fields=["customer_package", "from_on"], name="spend_period_once")]
        indexes = [models.Index(fields=["customer_package", "-entry_id"], name="spend_period_looked")]

    def __str__(self) -> str:
        return f"{self.customer_package_id} {self.from_on}"
