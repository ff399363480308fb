"""`manage.py serve`: from an empty directory to a living city on one port, and everything ended at the end."""

import gc
import time
from contextlib import ExitStack

from django.core.management import call_command, get_commands

from apps.common.embedded import lease
from apps.common.serving.address import address_of, check_port
from apps.common.serving.preparing import prepare
from apps.common.serving.signals import AskedToEnd, end_if_asked, signals_ignored, signals_raise
from apps.common.serving.supervisor import log_dir, supervised
from apps.common.serving.terms import Options, Say

SERVERS_SECONDS = 2.0  # for the private servers to end, when nobody else uses them


def serve(options: Options, say: Say) -> None:
    """Start everything and stay until asked to end. Raises CannotServe or ServerTrouble with a sentence."""
    began = time.monotonic()
    check_port(options.host, options.port)
    names = lease.needed()
    with signals_raise():
        try:
            with ExitStack() as held:
                if names:
                    say("Starting private servers: " + ", ".join(names))
                held.enter_context(lease.join(names, say))
                end_if_asked()
                prepare(options, say)
                supervisor = held.enter_context(supervised(options, say))
                say(f"Ready after {time.monotonic() - began:.1f} s.")
                _introduce(options, say)
                supervisor.watch()
                say("Ending: whoever started this is gone.")
        except AskedToEnd:
            say("Ending.")
        finally:
            with signals_ignored():
                lease.wait_until_gone(names, SERVERS_SECONDS)
    gc.freeze()  # half a second of the exit would go into collecting what Django keeps for good


def prepare_only(options: Options, say: Say) -> None:
    """What must be done once before the services of a deployment start, each in its own container."""
    with lease.join(lease.needed(), say):
        prepare(options, say)


def _introduce(options: Options, say: Say) -> None:
    say(f"\n  grid_mgmt is at {address_of(options)}\n")
    if options.demo and "demo_accounts" in get_commands():
        call_command("demo_accounts")
    say(f"\n  Logs: {log_dir()}    Stop: Ctrl-C\n")
