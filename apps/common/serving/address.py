"""Where the site is reached: the port that must be free, the names it answers to."""

import os
import socket
import urllib.error
import urllib.request

from apps.common.serving.terms import CannotServe, Options


def check_port(host: str, port: int) -> None:
    """Refuse at once when the port cannot be had, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise CannotServe(
                f"Port {port} needs more rights than yours: choose one above 1023, e.g. PORT=8000."
            ) from None
        except socket.gaierror:
            raise CannotServe(f"HOST={host} is not an address of this machine.") from None
        except OSError as error:
            raise CannotServe(
                f"Port {port} on {host} cannot be used ({error.strerror}): "
                f"stop the program that has it, or choose another: PORT={port + 1 if port < 65535 else 8000} make run"
            ) from None


def address_of(options: Options) -> str:
    """The URL at which a browser on this machine finds the site."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)  # noqa: S104 - how it is reached
    return f"http://[{host}]:{options.port}/" if ":" in host else f"http://{host}:{options.port}/"


def answers(url: str) -> bool:
    """Whether a web server answers at `url`, whatever it says."""
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own address
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def allowed_hosts(host: str) -> str:
    """ALLOWED_HOSTS as the operator gave it, else this machine's own names and addresses for the given HOST."""
    given = os.environ.get("ALLOWED_HOSTS")
    if given:
        return given
    names = ["localhost", "127.0.0.1", "[::1]"]
    if host not in ("127.0.0.1", "localhost", "::1"):
        names += [host, socket.gethostname(), *_own_addresses()]
    return ",".join(dict.fromkeys(names))


def _own_addresses() -> list[str]:
    try:
        return socket.gethostbyname_ex(socket.gethostname())[2]
    except OSError:
        return []
