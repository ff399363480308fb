"""Who is signing in: by staff number 工号, or by a phone number that only one person has."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from apps.staff.models import User


class StaffNumberOrPhone(ModelBackend):
    """The staff number first; a phone shared by two people signs in neither of them."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_kwargs: Any
    ) -> User | None:
        """Return the person if the password is theirs and the account is active."""
        if not username or password is None:
            return None
        user = _find(username.strip())
        if user is None:
            make_password(password)  # a stranger's try takes as long as a colleague's
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None


def _find(account: str) -> User | None:
    by_number = User.objects.filter(username=account).first()
    if by_number is not None or not account.isdigit():
        return by_number
    by_phone = list(User.objects.filter(phone=account)[:2])
    return by_phone[0] if len(by_phone) == 1 else None
