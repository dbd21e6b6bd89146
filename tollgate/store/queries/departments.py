"""Departments that an operator has added: which there are, and who is in one or has its notices sent there."""

from django.db.models import QuerySet
from django.db.models.functions import Lower

from tollgate.store.models import Contact, Customer, Department


def own_departments(account_id: int) -> QuerySet[Department]:
    """Those of an account by name, beside the built-in ones (core/departments.py)."""
    return Department.objects.filter(account_id=account_id).order_by(Lower("name"))


def members_of(department: Department) -> QuerySet[Contact]:
    """The contacts in a department, those of deleted customers too."""
    return Contact.objects.filter(kind=department.key, customer__account_id=department.account_id)


def told_of(department: Department) -> QuerySet[Customer]:
    """The customers whose notices go to a department, deleted ones too."""
    return Customer.objects.filter(
        account_id=department.account_id, notification_departments__contains=[department.key]
    )
