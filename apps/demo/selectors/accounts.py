"""Which demo accounts this database really has."""

from django.contrib.auth.hashers import check_password

from apps.demo.accounts import DEMO_ACCOUNTS, DEMO_PASSWORD, DemoAccount
from apps.staff.models import User


def working_accounts() -> list[DemoAccount]:
    """The demo accounts that exist here and still open with the demo password.

    All were made with one hash, so one check (half a second) answers for all that nobody has changed.
    """
    hashes = dict(
        User.objects.filter(username__in=[account.username for account in DEMO_ACCOUNTS], is_active=True).values_list(
            "username", "password"
        )
    )
    opened = {encoded for encoded in set(hashes.values()) if check_password(DEMO_PASSWORD, encoded)}
    return [account for account in DEMO_ACCOUNTS if hashes.get(account.username) in opened]
