"""A report that cannot be filed yet: kept on the server, photos included, so that nobody types or takes it twice."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

KEPT_FOR = timedelta(days=1)


class ReportDraft(models.Model):
    """What one person sent under one form key and is still asked about: the cell, or a correction. Kept for a day.

    Photos lie in the database, not on a disk: any web server can show them, and deleting the row leaves nothing behind.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    values = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_index=True)

    if TYPE_CHECKING:
        user_id: int

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="reportdraft_one_per_key")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.key}"


class DraftPhoto(models.Model):
    """One photo of a draft, already decoded and written anew as JPEG."""

    draft = models.ForeignKey(ReportDraft, models.CASCADE, related_name="photos")
    jpeg = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["draft", "sha256"], name="draftphoto_kept_once")]

    def __str__(self) -> str:
        return self.sha256[:12]
