"""Where an address leads: outside, or to this machine, its network, its cloud's metadata. Nothing is looked up."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_V4: dict[str, tuple[str, ...]] = {
    "metadata": ("169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "100.100.100.200/32",
                 "168.63.129.16/32", "192.0.0.192/32"),
    "loopback": ("127.0.0.0/8", "0.0.0.0/8"),
    "link_local": ("169.254.0.0/16",),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15"),
    "reserved": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
}  # fmt: skip
_V6: dict[str, tuple[str, ...]] = {
    "metadata": ("fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128"),
    "loopback": ("::1/128", "::/128"),
    "link_local": ("fe80::/10",),
    "private": ("fc00::/7", "fec0::/10", "64:ff9b:1::/48"),
    "reserved": ("ff00::/8", "2001:db8::/32", "3fff::/20", "100::/64", "2001:2::/48", "2001:10::/28", "2001:20::/28",
                 "5f00::/16"),
}  # fmt: skip
# A v6 address in which a v4 address stands, and how many bits stand after it.
_EMBEDDED = (("::ffff:0:0/96", 0), ("::/96", 0), ("64:ff9b::/96", 0), ("::ffff:0:0:0/96", 0), ("2002::/16", 80))
_TEREDO, _ISATAP = "2001::/32", (0x5EFE, 0x02005EFE)
_GLOBAL_V6 = "2000::/3"

_NAMES = {"localhost": "loopback", "localhost.localdomain": "loopback", "ip6-localhost": "loopback",
          "ip6-loopback": "loopback", "metadata": "metadata", "metadata.google.internal": "metadata",
          "instance-data": "metadata", "instance-data.ec2.internal": "metadata", "metadata.tencentyun.com": "metadata",
          "kubernetes.default.svc": "private", "host.docker.internal": "loopback",
          "gateway.docker.internal": "private"}  # fmt: skip
_BELOW = {"localhost": "loopback", "local": "private", "localdomain": "private", "internal": "private",
          "intranet": "private", "private": "private", "corp": "private", "home": "private", "lan": "private",
          "home.arpa": "private", "cluster.local": "private", "onion": "reserved", "invalid": "reserved",
          "test": "reserved", "nip.io": "resolving", "sslip.io": "resolving", "xip.io": "resolving",
          "localtest.me": "loopback", "lvh.me": "loopback", "vcap.me": "loopback", "lacolhost.com": "loopback",
          "traefik.me": "resolving", "1u.ms": "resolving", "rbndr.us": "resolving"}  # fmt: skip
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{0,16}|[0-9]{1,24}")
_LAST_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


@lru_cache
def _networks() -> tuple[list[tuple[str, IPv4Network]], list[tuple[str, IPv6Network]]]:
    four = [(kind, IPv4Network(one)) for kind, all_of in _V4.items() for one in all_of]
    six = [(kind, IPv6Network(one)) for kind, all_of in _V6.items() for one in all_of]
    return four, six


def kind_of(host: str) -> str:
    """What ``host`` (canonical) is: ``public``, ``loopback``, ``private``, ``link_local``, ``metadata``, ``reserved``,
    ``resolving`` (a public name that answers with any address put into it), ``odd`` (no name and no address),
    ``unusual`` (a public address in a spelling that programs read differently).
    """  # fmt: skip
    if host.startswith("["):
        return _six(host.strip("[]"))
    if not host or host == "!":
        return "odd"
    last = host.rpartition(".")[2]
    if _LAST_NUMBER.fullmatch(last):
        number = ipv4(host)
        if number is None:
            return "odd"
        kind = _four(number)
        # 010.8.8.8 is 8.8.8.8 to some programs and 10.8.8.8 to others.
        return "unusual" if kind == "public" and host != str(IPv4Address(number)) else kind
    return _named(host)


def ipv4(host: str) -> int | None:
    """The IPv4 address that ``host`` spells, in one to four parts, decimal, octal or hexadecimal (WHATWG URL, 3.5)."""
    parts = host.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    *first, last = numbers
    if any(one > 255 for one in first) or last >= 256 ** (5 - len(numbers)):
        return None
    return last + sum(one << 8 * (3 - index) for index, one in enumerate(first))


def _number(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if len(part) > 1 and part[0] == "0" else int(part)


def _four(number: int) -> str:
    address = IPv4Address(number)
    return next((kind for kind, network in _networks()[0] if address in network), "public")


def _six(text: str) -> str:
    try:
        address = IPv6Address(text.partition("%")[0])
    except ValueError:
        return "odd"
    for kind, network in _networks()[1]:
        if address in network:
            return kind
    number = int(address)
    inner = _inner(address, number)
    if inner is not None and (kind := _four(inner)) != "public":
        return kind
    return "public" if inner is not None or address in _known(_GLOBAL_V6) else "reserved"


def _inner(address: IPv6Address, number: int) -> int | None:
    """The IPv4 address inside: mapped, compatible, NAT64, translated, 6to4, Teredo, ISATAP."""
    for network, after in _EMBEDDED:
        if address in _known(network):
            return number >> after & 0xFFFFFFFF
    if address in _known(_TEREDO):
        return ~number & 0xFFFFFFFF
    return number & 0xFFFFFFFF if number >> 32 & 0xFFFFFFFF in _ISATAP else None


@lru_cache
def _known(network: str) -> IPv6Network:
    return IPv6Network(network)


def _named(host: str) -> str:
    if host in _NAMES:
        return _NAMES[host]
    labels = host.split(".")
    if len(labels) == 1:
        return "private"
    for most in (2, 1):
        kind = _BELOW.get(".".join(labels[-most:]))
        if kind:
            return kind
    return "public"
