"""Two ways to name the same states and moves: the city's own loop, or the words of digital city management 数字城管.

Only the names differ; the table of moves is one. FLOW_WORDING in the environment chooses (reference: domain §1).
"""

from typing import Final, cast

from django.conf import settings
from django.utils.functional import Promise, lazy

URBAN: Final = "urban"


def worded(loop: Promise, urban: Promise) -> Promise:
    """The name in the words that this deployment uses, translated when it is shown."""
    return cast(Promise, lazy(lambda: str(urban if settings.FLOW_WORDING == URBAN else loop), str)())
