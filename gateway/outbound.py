"""Requests to addresses that a customer chose: never into private networks unless that is allowed.

The check is made on the addresses that a name resolves to, in the same step that connects to them,
so that a name which changes its address in between gains nothing.
"""

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, whatever IPv4 address it may carry inside."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return all(one.is_global and not one.is_multicast for one in (parsed, *_inside(parsed)))


def _inside(address: Address) -> Sequence[Address]:
    """IPv4 addresses that an IPv6 address stands for (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found = [address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in (address.ipv4_mapped, *found) if one is not None]


def check_url(url: str, *, allow_private: bool) -> None:
    """Raise `ValueError` for a URL that is not sent to. Names are looked up only when they are connected to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise ValueError(f"'{url[:200]}' is not a URL: {exc}") from exc
    if parts.scheme not in (("https", "http") if allow_private else ("https",)) or not host:
        raise ValueError(f"'{url[:200]}' is not a URL that begins with https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL that is sent to carries no user name and password")
    if _is_literal(host) and not allow_private and not is_public(host):
        raise ValueError(f"{host} is not an address of the public internet")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class PublicResolver(AbstractResolver):
    """Looks names up and refuses those of which any address is private."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The host's addresses. Raises `OSError` for a name that leads into a private network."""
        found = await self._resolver.resolve(host, port, family)
        private = [one["host"] for one in found if not is_public(one["host"])]
        if private:
            raise OSError(f"{host} leads to {private[0]}, which is not an address of the public internet")
        return found

    async def close(self) -> None:
        """Nothing is held."""
        await self._resolver.close()
