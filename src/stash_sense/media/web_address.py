"""An `image_url` taken apart and checked, before anybody is asked where its host is."""

import ipaddress
import re
from dataclasses import dataclass

import httpx

from stash_sense.media.addresses import disguised
from stash_sense.media.errors import BadUrl, ForbiddenAddress

LONGEST = 4096
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?\Z")


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Where a picture is said to be. `host`: a name or an IP literal, as it goes into a request's Host."""

    url: httpx.URL
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "WebAddress":
        """Raises BadUrl, ForbiddenAddress."""
        if len(text) > LONGEST:
            raise BadUrl(f"The URL is {len(text):,} characters long; at most {LONGEST:,} are accepted.")
        try:
            return cls.of(httpx.URL(text.strip()))
        except httpx.InvalidURL as error:
            raise BadUrl(
                f"The URL is none ({error}). Give one that begins with http:// or https://."
            ) from None

    @classmethod
    def of(cls, url: httpx.URL) -> "WebAddress":
        """Raises BadUrl, ForbiddenAddress."""
        if url.scheme not in _PORTS:
            raise BadUrl(
                "Pictures are fetched by http:// and https:// only. For a file, send its bytes: as a "
                "multipart `file` or as `image_base64`."
            )
        if url.userinfo:
            raise BadUrl("The URL holds a user name or password. Leave them out: none are sent.")
        host = url.raw_host.decode("ascii").lower()
        if not host:
            raise BadUrl("The URL names no host. Give one like https://example.org/photo.jpg.")
        if ":" not in host and disguised(host):
            raise ForbiddenAddress(
                "The URL's host is a number that is no plain IP address; such URLs hide where they lead. "
                "Give the host's name."
            )
        if ":" not in host and not _NAME.match(host):
            raise BadUrl("The URL's host holds characters that no host name has. Give the host's name.")
        port = _PORTS[url.scheme] if url.port is None else url.port
        if not 0 < port < 65536:
            raise BadUrl(f"The URL's port is {port}; ports go from 1 to 65535.")
        return cls(url.copy_with(fragment=None), host, port)

    @property
    def literal(self) -> str | None:
        """The host as an IP address, where it is one."""
        try:
            return str(ipaddress.ip_address(self.host))
        except ValueError:
            return None

    def at(self, address: str) -> httpx.URL:
        """This URL with the host's checked address in its place, so that nobody resolves it once more."""
        return self.url.copy_with(host=address)

    @property
    def host_header(self) -> str:
        """What the server is to hear as Host."""
        return self.url.netloc.decode("ascii")
