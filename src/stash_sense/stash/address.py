"""Where Stash is: its URL, and the URLs of its pictures put upon it."""

import re
from dataclasses import dataclass, field

import httpx

from stash_sense.errors import BadAddress, StashAnsweredWrongly

# Stash's own routes of pictures and streams (internal/api/server.go). What stands before them in a URL that
# Stash gives is a proxy's business: the prefix that the proxy named, or the path of `external_host`.
_ROUTE = re.compile(
    r"/(?:(?:image|performer|scene|gallery|studio|tag|group)/[0-9]+/[a-z0-9_.]+|scene/[0-9a-z]+_[a-z]+\.[a-z]+)$"
)
_KEY_PARAMETER = "apikey"


@dataclass(frozen=True, slots=True)
class StashAddress:
    """STASH_URL taken apart; `url` has neither user nor password, query nor a slash at its end.

    `login`: user and password of a proxy before Stash, where STASH_URL carries them.
    """

    url: httpx.URL
    login: tuple[str, str] | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> "StashAddress":
        """`http://nas:9999`, `https://home.example/stash/`; `/graphql` at its end is taken away."""
        try:
            url = httpx.URL(text.strip())
        except httpx.InvalidURL as error:
            raise BadAddress(
                f"STASH_URL is not an address ({error}). Set it to http://host:9999, as in the browser."
            ) from None
        if url.scheme not in {"http", "https"} or not url.host:
            raise BadAddress(
                "STASH_URL must begin with http:// or https:// and name a host. "
                "Set it to Stash's address as in the browser: http://host:9999."
            )
        path = url.path.rstrip("/").removesuffix("/graphql").rstrip("/")
        login = (url.username, url.password) if url.username or url.password else None
        bare = url.copy_with(username=None, password=None, query=None, fragment=None, path=path or "/")
        return cls(bare, login)

    @property
    def prefix(self) -> str:
        """The path below which Stash answers, without a slash at its end; mostly empty."""
        return self.url.raw_path.decode("ascii").rstrip("/")

    @property
    def graphql(self) -> httpx.URL:
        return self._at(f"{self.prefix}/graphql")

    def media(self, url: str) -> httpx.URL:
        """Return a picture's URL on this origin and prefix, whatever host and prefix Stash gave it.

        Stash builds its URLs from the request's Host and a proxy's headers, or from `external_host`: often an
        address that only the browser can reach. GraphQL is answered at `<STASH_URL>/graphql`, so the pictures
        are at `<STASH_URL>/image/...`. Query parameters are kept but for an API key.
        """
        try:
            given = httpx.URL(url)
        except httpx.InvalidURL:
            raise StashAnsweredWrongly("Stash gave an address for a picture that is none.") from None
        path, _, query = given.raw_path.decode("ascii").partition("?")
        route = _ROUTE.search(path)
        if route:
            path = self.prefix + route[0]
        elif not path.startswith(f"{self.prefix}/"):
            path = f"{self.prefix}/{path.lstrip('/')}"
        kept = [part for part in query.split("&") if part and not _is_key(part)]
        return self._at("?".join([path, "&".join(kept)] if kept else [path]))

    def _at(self, raw_path: str) -> httpx.URL:
        return self.url.copy_with(raw_path=raw_path.encode("ascii"))

    def __str__(self) -> str:
        return str(self.url).rstrip("/")


def without_key(url: str) -> str:
    """The URL as Stash gave it, without an API key in its query."""
    start, mark, query = url.partition("?")
    return start + mark + "&".join(part for part in query.split("&") if not _is_key(part))


def _is_key(parameter: str) -> bool:
    return parameter.partition("=")[0].lower() == _KEY_PARAMETER
