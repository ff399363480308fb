"""`manage.py demo_accounts`: who can sign in to this demo city."""

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from apps.demo.accounts import DEMO_PASSWORD
from apps.demo.selectors import working_accounts


class Command(BaseCommand):
    help = "Print role, user name and password of the demo accounts in this database."

    def handle(self, *args: object, **options: object) -> None:
        accounts = working_accounts()
        if not accounts:
            self.stdout.write(_("There are no demo accounts in this database."))
            return
        self.stdout.write(_("Demo accounts (user name, password, role):"))
        for account in accounts:
            self.stdout.write(f"  {account.username:<12} {DEMO_PASSWORD}   {account.title}")
