"""Which addresses of the internet a picture may be fetched from."""

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# IANA's special-purpose registries; Python's own `is_global` has changed from release to release.
_V4_ELSEWHERE = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_V4_PRIVATE = tuple(
    map(
        ipaddress.IPv4Network,
        ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"),
    )
)
_V4_NEVER = tuple(map(ipaddress.IPv4Network, ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4")))
_V6_PUBLIC = ipaddress.IPv6Network("2000::/3")
_V6_ELSEWHERE = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: any IPv4 address may hide in it
            "3fff::/20",  # documentation
        ),
    )
)
_V6_PRIVATE = tuple(map(ipaddress.IPv6Network, ("::1/128", "fc00::/7")))
# Where clouds hand credentials to whoever asks from inside; never a picture, whatever is allowed.
_METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "100.100.100.200", "fd00:ec2::254")))

_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?\Z", re.IGNORECASE)


def may_be_asked(address: str, *, private_too: bool) -> bool:
    """Whether a picture may be fetched from an IP address; `private_too`: the home network and this machine.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, NAT64) is refused whatever it carries: nobody
    names a picture's server that way but to hide another.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a zone (`fe80::1%eth0`) is none of a public address either
        return False
    if parsed in _METADATA:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return _v4(parsed, private_too)
    return _v6(parsed, private_too)


def _v4(address: ipaddress.IPv4Address, private_too: bool) -> bool:
    if any(address in network for network in (*_V4_NEVER, *_V4_ELSEWHERE)):
        return False
    return private_too or not any(address in network for network in _V4_PRIVATE)


def _v6(address: ipaddress.IPv6Address, private_too: bool) -> bool:
    if address.scope_id is not None:
        return False
    if address in _V6_PUBLIC:
        return not any(address in network for network in _V6_ELSEWHERE)
    return private_too and any(address in network for network in _V6_PRIVATE)


def disguised(host: str) -> bool:
    """Whether a host looks like a name, but resolvers take it for a number: `2130706433`, `0x7f.1`."""
    last = host.rstrip(".").rpartition(".")[2]
    if not _NUMBER.match(last):
        return False
    try:
        return str(ipaddress.IPv4Address(host)) != host
    except ValueError:
        return True
