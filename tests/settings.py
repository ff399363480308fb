"""Settings of the tests: the product's own, against servers that were found before it read its environment."""

from tests.servers import claim_servers

claim_servers()

from grid_mgmt.settings import *  # noqa: E402, F403 - the environment had to be right first

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
