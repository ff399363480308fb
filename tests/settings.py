"""Settings of the tests: the product's own, against servers that were found before it read its environment."""

from tests.servers import claim_servers

claim_servers()

from grid_mgmt.settings import *  # noqa: E402, F403 - the environment had to be right first

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# pages are tried without collecting and hashing the static files first; the real site's tests do that themselves
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}  # noqa: F405
