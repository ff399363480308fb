"""The shape of a cell's code: two digits each for province, city and district, then three a tier (domain §2.1)."""

import re

from apps.grids.models import Tier

_FIFTEEN = re.compile(r"[0-9]{15}", re.ASCII)
USED_DIGITS = {Tier.CITY: 4, Tier.DISTRICT: 6, Tier.LEVEL1: 9, Tier.LEVEL2: 12, Tier.LEVEL3: 15}


def fits_tier(code: str, tier: Tier) -> bool:
    """Say whether the code counts down to its tier: digits there are not all zero, below they are.

    >>> fits_tier("410105001000000", Tier.LEVEL1), fits_tier("410105001000000", Tier.LEVEL2)
    (True, False)
    """
    if not _FIFTEEN.fullmatch(code):
        return False
    used = USED_DIGITS[tier]
    above = 0 if tier == Tier.CITY else USED_DIGITS[Tier(tier - 1)]
    return int(code[above:used]) > 0 and int(code[used:] or "0") == 0


def tier_of(code: str) -> Tier | None:
    """Return the highest tier whose shape the code has, or None for a code of no tier."""
    return next((tier for tier in Tier if fits_tier(code, tier)), None)
