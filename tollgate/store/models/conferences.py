"""Conference rooms: extensions whose calls go to a conference server of the operator's, which mixes the voices."""

from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record, not_negative, one_of


class ConferenceRoom(Record):
    """One room: its number, the server that hosts it, and how many may be in it at once (0: as many as like)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="conference_rooms")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="conference_rooms")
    name = models.CharField(max_length=200)
    extension = models.BigIntegerField()
    host = models.CharField(max_length=255)
    port = models.IntegerField(default=5060)
    transport = models.TextField(default="udp")
    channels = models.IntegerField(default=0)
    shared = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "conference_room"
        constraints = [
            models.UniqueConstraint(fields=["customer", "name"], name="conference_room_name_once"),
            one_of("transport", "udp", "tcp", "tls", name="conference_room_transport"),
            not_negative("channels", name="conference_room_limits"),
            models.CheckConstraint(condition=models.Q(port__gte=1, port__lte=65535), name="conference_room_port"),
            models.CheckConstraint(
                condition=models.Q(extension__gte=0, extension__lt=10**12), name="conference_room_extension"
            ),
        ]

    def __str__(self) -> str:
        return self.name
