"""`python -m tests.faults.settle`: route all that waits in the database of DATABASE_URL, and ask the invariants."""

import sys

import django

django.setup()

from apps.common import clock  # noqa: E402 - the models are ready only now
from apps.issues.selectors.invariants import check_invariants  # noqa: E402
from apps.issues.services.routing import route_waiting  # noqa: E402

routed = route_waiting(now=clock.now())
breaches = check_invariants(now=clock.now()).findings
sys.stdout.write(f"{routed} routed, {len(breaches)} breaches\n")
