"""Django's PostgreSQL backend with a cheaper look at kept connections: ENGINE = "apps.common.database"."""
