"""The base of refusals: small exceptions with a sentence for a person, and a word for programs."""

import re
from collections.abc import Mapping
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Refused(Exception):
    """Something was asked that cannot be done. `str()` is a sentence in the reader's language.

    `sentence` may hold %(name)s places, filled from `values`. `field` names the input to correct, "" for the whole.
    `status` is what an HTTP door answers: 400 wrong input, 403 not allowed, 404 unknown, 409 come too late.
    """

    sentence: ClassVar[str | Promise] = _("This cannot be done.")
    field: ClassVar[str] = ""
    status: ClassVar[int] = 400

    def __init__(self, **values: object) -> None:
        super().__init__()
        self.values: Mapping[str, object] = values

    def __str__(self) -> str:
        return str(self.sentence) % self.values if self.values else str(self.sentence)

    @property
    def code(self) -> str:
        """The class's name as a word for programs: StaleVersion → stale_version."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()
