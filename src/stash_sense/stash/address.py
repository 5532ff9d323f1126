"""The address of Stash: STASH_URL, and the URLs of images rewritten to it."""

import re
from dataclasses import dataclass, field

import httpx

from stash_sense.errors import BadAddress, StashAnsweredWrongly

# Stash's own routes of images and streams (internal/api/server.go). What precedes them in a URL that Stash
# gives comes from a proxy: the prefix that it sent, or the path of `external_host`.
_ROUTE = re.compile(
    r"/(?:(?:image|performer|scene|gallery|studio|tag|group)/[0-9]+/[a-z0-9_.]+|scene/[0-9a-z]+_[a-z]+\.[a-z]+)$"
)
_KEY_PARAMETER = "apikey"


@dataclass(frozen=True, slots=True)
class StashAddress:
    """A parsed STASH_URL. url: without user, password, query and trailing slash.

    login: user and password of a proxy in front of Stash, if STASH_URL contains them.
    """

    url: httpx.URL
    login: tuple[str, str] | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> "StashAddress":
        """Parse `http://nas:9999`, `https://home.example/stash/`; a final `/graphql` is removed.

        Raises BadAddress.
        """
        try:
            url = httpx.URL(text.strip())
        except httpx.InvalidURL as error:
            raise BadAddress(
                f"STASH_URL is not a valid URL ({error}). Set it to the address of Stash in your browser, "
                "like http://nas:9999."
            ) from None
        if url.scheme not in {"http", "https"} or not url.host:
            raise BadAddress(
                "STASH_URL must start with http:// or https:// and name a host. Set it to the address of "
                "Stash in your browser, like http://nas:9999."
            )
        path = url.path.rstrip("/").removesuffix("/graphql").rstrip("/")
        login = (url.username, url.password) if url.username or url.password else None
        bare = url.copy_with(username=None, password=None, query=None, fragment=None, path=path or "/")
        return cls(bare, login)

    @property
    def prefix(self) -> str:
        """The path below which Stash is served, without a trailing slash; usually empty."""
        return self.url.raw_path.decode("ascii").rstrip("/")

    @property
    def graphql(self) -> httpx.URL:
        """The URL of the GraphQL endpoint."""
        return self._at(f"{self.prefix}/graphql")

    def media(self, url: str) -> httpx.URL:
        """Rewrite the URL of an image to this origin and prefix, whatever host and prefix Stash gave it.

        Stash builds its URLs from the request's Host and a proxy's headers, or from `external_host`: often an
        address that only the browser can reach. Since GraphQL is at `<STASH_URL>/graphql`, images are at
        `<STASH_URL>/image/...`. Query parameters are kept, except an API key. Raises StashAnsweredWrongly.
        """
        try:
            given = httpx.URL(url)
        except httpx.InvalidURL:
            raise StashAnsweredWrongly(
                "Stash gave an invalid URL for an image. Check `external_host` in Stash's config."
            ) from None
        path, _, query = given.raw_path.decode("ascii").partition("?")
        route = _ROUTE.search(path)
        if route:
            path = self.prefix + route[0]
        elif not path.startswith(f"{self.prefix}/"):
            path = f"{self.prefix}/{path.lstrip('/')}"
        parameters = [part for part in query.split("&") if part and not _is_key(part)]
        return self._at("?".join([path, "&".join(parameters)] if parameters else [path]))

    def scene_stream(self, scene_id: str) -> httpx.URL:
        """The URL of a scene's file. scene_id: digits."""
        return self._at(f"{self.prefix}/scene/{scene_id}/stream")

    def _at(self, raw_path: str) -> httpx.URL:
        return self.url.copy_with(raw_path=raw_path.encode("ascii"))

    def __str__(self) -> str:
        return str(self.url).rstrip("/")


def without_key(url: str) -> str:
    """Return the URL without the API key in its query."""
    start, mark, query = url.partition("?")
    return start + mark + "&".join(part for part in query.split("&") if not _is_key(part))


def _is_key(parameter: str) -> bool:
    return parameter.partition("=")[0].lower() == _KEY_PARAMETER
