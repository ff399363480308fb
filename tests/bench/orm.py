"""Which database Django's connection of this process is on."""

from django.db import connection

NO_DATABASE = "postgres"


def use_database(name: str | None) -> None:
    """Leave the present database; the next query goes to `name`. Nobody may copy a database that is in use."""
    connection.close()
    connection.settings_dict["NAME"] = name or NO_DATABASE
