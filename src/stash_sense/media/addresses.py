"""Which URLs an image may be fetched from: checks of the URL, and of the IP addresses of its host."""

import ipaddress
import re
from dataclasses import dataclass

import httpx

from stash_sense.errors import BadUrl, ForbiddenAddress

MAX_URL_LENGTH = 4096

_PORTS = {"http": 80, "https": 443}

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?\Z")


@dataclass(frozen=True, slots=True)
class WebAddress:
    """The checked URL of a picture. host: a name or an IP literal."""

    url: httpx.URL
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "WebAddress":
        """Check a URL as text. Raises BadUrl, ForbiddenAddress."""
        if len(text) > MAX_URL_LENGTH:
            raise BadUrl(
                f"The URL is {len(text):,} characters long; at most {MAX_URL_LENGTH:,} are accepted."
            )
        try:
            return cls.of(httpx.URL(text.strip()))
        except httpx.InvalidURL as error:
            raise BadUrl(f"Invalid URL ({error}). Give one that begins with http:// or https://.") from None

    @classmethod
    def of(cls, url: httpx.URL) -> "WebAddress":
        """Check a URL. Raises BadUrl, ForbiddenAddress."""
        if url.scheme not in _PORTS:
            raise BadUrl(
                "Only http:// and https:// URLs are accepted. For a file, send its bytes: as a multipart "
                "`file` or as `image_base64`."
            )
        if url.userinfo:
            raise BadUrl("The URL contains a user name or password, which are never sent. Leave them out.")
        host = url.raw_host.decode("ascii").lower()
        if not host:
            raise BadUrl("The URL has no host. Give one like https://example.org/photo.jpg.")
        if ":" not in host and is_disguised_number(host):
            raise ForbiddenAddress(
                "The URL's host is a number but not a plain IP address; such URLs hide where they lead. "
                "Give the host's name."
            )
        if ":" not in host and not _NAME.match(host):
            raise BadUrl(
                "The URL's host contains characters that are not allowed in a host name. Correct the URL."
            )
        if host.partition(".")[0] in _METADATA_LABELS:
            raise ForbiddenAddress(
                "The URL's host is the name of a cloud's metadata service, which is never asked. Give the "
                "picture's own URL."
            )
        port = _PORTS[url.scheme] if url.port is None else url.port
        if not 0 < port < 65536:
            raise BadUrl(f"The URL's port is {port}; ports go from 1 to 65535.")
        return cls(url.copy_with(fragment=None), host, port)

    @property
    def literal(self) -> str | None:
        """The host as an IP address; None if it is a name."""
        try:
            return str(ipaddress.ip_address(self.host))
        except ValueError:
            return None

    def at(self, address: str) -> httpx.URL:
        """This URL with a checked address in place of the host, so that the host is not resolved again."""
        return self.url.copy_with(host=address)

    @property
    def host_header(self) -> str:
        """The value of the Host header."""
        return self.url.netloc.decode("ascii")


Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# From IANA's special-purpose registries, since Python's own `is_global` changed from release to release.
_V4_SPECIAL = tuple(
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

_V4_FORBIDDEN = tuple(map(ipaddress.IPv4Network, ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4")))

_V6_PUBLIC = ipaddress.IPv6Network("2000::/3")

_V6_SPECIAL = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: may carry any IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)

_V6_PRIVATE = tuple(map(ipaddress.IPv6Network, ("::1/128", "fc00::/7")))

# Where clouds give credentials to any process inside them: forbidden whatever the settings allow.
_METADATA_V4 = frozenset(
    map(
        ipaddress.IPv4Address,
        (
            "169.254.169.254",  # most clouds
            "169.254.170.2",  # Amazon, for containers
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
            "168.63.129.16",  # Azure; a public address
        ),
    )
)

_METADATA_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "fd00:ec2::/32",  # Amazon
            "fd20:ce::/32",  # Google
            "fd00:c1::/32",  # Oracle
            "fd00:42::/32",  # Scaleway
            "fd00:a9fe:a9fe::/48",  # Akamai
        ),
    )
)

_METADATA_LABELS = frozenset({"metadata", "instance-data"})
"""First labels of the names that clouds give to it: metadata.google.internal and the like."""

_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?\Z", re.IGNORECASE)


def is_fetchable(address: str, *, private_too: bool) -> bool:
    """Whether a picture may be fetched from an IP address.

    private_too: also from the home network and this machine. An IPv6 address that carries an IPv4 one
    (mapped, 6to4, NAT64) is always refused: nobody names a picture's server like that except to hide another.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a zone (`fe80::1%eth0`) is never part of a public address
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed not in _METADATA_V4 and _v4(parsed, private_too)
    # A network may translate any prefix of its own to IPv4, whose address is then in the last four bytes.
    if ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF) in _METADATA_V4:
        return False
    if any(parsed in network for network in _METADATA_V6):
        return False
    return _v6(parsed, private_too)


def _v4(address: ipaddress.IPv4Address, private_too: bool) -> bool:
    if any(address in network for network in (*_V4_FORBIDDEN, *_V4_SPECIAL)):
        return False
    return private_too or not any(address in network for network in _V4_PRIVATE)


def _v6(address: ipaddress.IPv6Address, private_too: bool) -> bool:
    if address.scope_id is not None:
        return False
    if address in _V6_PUBLIC:
        return not any(address in network for network in _V6_SPECIAL)
    return private_too and any(address in network for network in _V6_PRIVATE)


def is_disguised_number(host: str) -> bool:
    """Whether a host looks like a name but is resolved as a number: `2130706433`, `0x7f.1`."""
    last = host.rstrip(".").rpartition(".")[2]
    if not _NUMBER.match(last):
        return False
    try:
        return str(ipaddress.IPv4Address(host)) != host
    except ValueError:
        return True
