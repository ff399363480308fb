"""`python -m tests.faults.prepare`: the town in the database of DATABASE_URL; prints what a phone needs, as JSON."""

import json
import sys

import django

django.setup()

from rest_framework.authtoken.models import Token  # noqa: E402 - the models are ready only now

from tests.factories import build_town  # noqa: E402

town = build_town()
token = Token.objects.create(user=town.people.member)
sys.stdout.write(
    json.dumps({"token": token.key, "category": town.categories.noise.code, "cell": town.cell.code}) + "\n"
)
