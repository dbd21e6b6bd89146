"""Recordings that are kept: which files there are, and how much room those of each customer take.

The sound itself is a file in the data folder. `jobs/recording_space.py` keeps these two tables like the folder.
"""

from django.db import models

from tollgate.store.models.customers import Customer


class Recording(models.Model):
    """The file of one recorded call. `folder` is the mark of the folder that it is in: machines may each have one."""

    call_id = models.BigIntegerField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="recordings", db_index=False)
    folder = models.CharField(max_length=40)
    size_bytes = models.BigIntegerField()

    class Meta:
        db_table = "recording"
        indexes = [models.Index(fields=["folder"], name="recording_folder")]

    def __str__(self) -> str:
        return f"{self.call_id}.wav"


class RecordingSpace(models.Model):
    """The sum of a customer's recordings, kept in the statements that add and forget them (recordings.sql)."""

    customer = models.OneToOneField(
        Customer, on_delete=models.CASCADE, primary_key=True, related_name="recording_space"
    )
    files_count = models.BigIntegerField()
    size_bytes = models.BigIntegerField()

    class Meta:
        db_table = "recording_space"

    def __str__(self) -> str:
        return f"{self.files_count} recordings of customer {self.customer_id}"
