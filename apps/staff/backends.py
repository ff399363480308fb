"""Who is signing in: by staff number 工号, or by a phone number that only one person has."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from apps.staff.models import User
from apps.staff.selectors import find_person


class StaffNumberOrPhone(ModelBackend):
    """The staff number first; a phone shared by two people signs in neither of them."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_kwargs: Any
    ) -> User | None:
        """Return the person if the password is theirs and the account is active."""
        if not username or password is None:
            return None
        user = find_person(username.strip())
        if user is None:
            make_password(password)  # a stranger's try takes as long as a colleague's
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None
