"""Where a webhook may go: not to the machines behind our own door (server-side request forgery).

A name is resolved once; the connection goes to the very address that was looked at, so that a name which changes its
mind in between (DNS rebinding) gains nothing. WEBHOOK_ALLOWED_NETWORKS opens chosen private networks, because a city's
systems mostly live in one.
"""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from apps.notices.channels.parcels import DeliveryFailed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

TRANSLATED = ip_network("64:ff9b::/96")  # NAT64: an IPv4 address in other clothes
PORTS = {"http": 80, "https": 443}


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks from "10.20.0.0/16" and the like; raises ValueError for anything else."""
    return tuple(ip_network(text) for text in texts)


def is_allowed(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether a webhook may connect to it: a public address, or one of an allowed network."""
    plain = _undressed(address)
    if any(plain in network for network in allowed if network.version == plain.version):
        return True
    return plain.is_global and not plain.is_multicast and not plain.is_reserved


def _undressed(address: Address) -> Address:
    """An IPv4 address that is wrapped into an IPv6 one counts as itself."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address


def parse_url(text: str) -> httpx.URL:
    """The endpoint's address. Raises DeliveryFailed unless it is plain http or https to a host."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise DeliveryFailed(f"no address: {error}", can_heal=False) from error
    if url.scheme not in PORTS or not url.host or url.userinfo:
        raise DeliveryFailed("the address must be http:// or https:// and a host, without a password", can_heal=False)
    return url


async def addresses_of(url: httpx.URL, allowed: Sequence[Network]) -> list[Address]:
    """The addresses of the URL's host, best first. Raises DeliveryFailed when one of them is not allowed."""
    host, port = url.raw_host.decode("ascii").strip("[]"), url.port or PORTS[url.scheme]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryFailed(f"{host} has no address: {error}", can_heal=True, is_closed=True) from error
    addresses = list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
    refused = [address for address in addresses if not is_allowed(address, allowed)]
    if refused:
        raise DeliveryFailed(f"{host} leads to {refused[0]}, which webhooks may not reach", can_heal=False)
    return addresses
