"""Questions about the demo city and about what a simulation left behind."""

from apps.demo.selectors.accounts import working_accounts

__all__ = ["working_accounts"]
