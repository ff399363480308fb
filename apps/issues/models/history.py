"""The daily anchor 日锚: one line a day that stands for all the history written until then."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DayAnchor(models.Model):
    """The root of one finished day, chained to the day before. Append-only, by trigger; made to be printed.

    It covers the events with ids above those of the day before, up to `last_event`: what was written later belongs to
    a later day, whatever moment it tells of. root = SHA-256(previous root, then of each event in the order of the ids:
    its id as 8 bytes, big end first, and its hash). A day without events has a root as well.
    """

    day = models.DateField(_("day"), unique=True)
    first_event = models.BigIntegerField(_("above this event"))  # the last one of the day before; 0 at the beginning
    last_event = models.BigIntegerField(_("up to this event"))
    events = models.PositiveIntegerField(_("events"))
    issues = models.PositiveIntegerField(_("issues"))
    previous = models.BinaryField(_("root of the day before"))
    root = models.BinaryField(_("root"))
    made_at = models.DateTimeField(_("made"))

    class Meta:
        verbose_name = _("daily anchor")
        verbose_name_plural = _("daily anchors")
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"

    @property
    def root_groups(self) -> list[str]:
        """The root as sixteen groups of four hexadecimal digits, to be read aloud and compared."""
        return groups(bytes(self.root))

    @property
    def previous_groups(self) -> list[str]:
        """The same of the day before; empty for the first day."""
        return groups(bytes(self.previous))


def groups(digest: bytes) -> list[str]:
    """Bytes as groups of four hexadecimal digits."""
    text = digest.hex()
    return [text[start : start + 4] for start in range(0, len(text), 4)]
