"""Is it alive, and is it fit for work? Answers for a proxy, a container engine and a monitor; no log-in, no secrets."""

from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.common import heartbeat
from apps.common.clock import now
from apps.common.queue import redis_client

Check = dict[str, Any]
SWEEPS_MISSED = 3  # one may be late; three in a row mean that nobody sweeps
LONGEST_TURN = timedelta(minutes=10)  # a turn that waits for slow servers takes up to half of it
QUIETLY = {  # what nobody would miss for days, with what it means when it stops
    "deliver": "no notice has been carried out for too long: is a delivery stuck, or does the task break?",
    "record_late": "nobody has been put on record as late for too long: does the task break?",
}


@never_cache
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """`/healthz`: this process answers. Asks nothing else, so that a broken database does not restart the web."""
    return JsonResponse({"alive": True})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """`/readyz`: 200 when database and broker answer and the sweep, the carrying out of notices and the record of who
    was late are recent, else 503; each check with its reason.
    """
    moment = now()
    checks = {"database": _database(), "broker": _broker(), "sweep": _sweep(moment)}
    checks |= {name: _quiet(name, moment) for name in QUIETLY}
    fit = all(check["ok"] for check in checks.values())
    return JsonResponse({"ready": fit, "checks": checks}, status=200 if fit else 503)


def _database() -> Check:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return {"ok": False, "reason": "the database does not answer"}
    return {"ok": True}


def _broker() -> Check:
    try:
        redis_client().ping()
    except redis.RedisError:
        return {"ok": False, "reason": "the broker does not answer"}
    return {"ok": True}


def _sweep(moment: datetime) -> Check:
    limit = timedelta(seconds=SWEEPS_MISSED * settings.SWEEP_SECONDS)
    age = heartbeat.age("sweep", moment)
    if age is None:
        return {"ok": False, "reason": "no sweep has run yet", "limit_seconds": limit.total_seconds()}
    return _recent(age, limit, "the last sweep is too old: are worker and beat running?")


def _quiet(name: str, moment: datetime) -> Check:
    """Before its first turn it is well: the sweep tells already whether worker and beat are there at all."""
    age = heartbeat.age(name, moment)
    if age is None:
        return {"ok": True, "reason": "it has not run yet", "limit_seconds": LONGEST_TURN.total_seconds()}
    return _recent(age, LONGEST_TURN, QUIETLY[name])


def _recent(age: timedelta, limit: timedelta, reason: str) -> Check:
    check = {"ok": age <= limit, "age_seconds": round(age.total_seconds(), 1), "limit_seconds": limit.total_seconds()}
    return check if check["ok"] else check | {"reason": reason}
