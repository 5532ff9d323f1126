"""The address of a stash-box: its GraphQL endpoint, and where it serves pictures."""

import re
from contextlib import suppress
from dataclasses import dataclass

import httpx

from stash_sense.domain.identity import endpoint_host
from stash_sense.errors import NotAStashBox

IMAGE_SIZE = 600
"""Pixels of the longer side that pictures are asked for. A box sends the original where it cannot resize."""

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


def is_box_id(text: str) -> bool:
    """Whether a text can be the id of something on a stash-box: a uuid, or what could stand for one."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class StashBoxAddress:
    """A parsed endpoint, like https://stashdb.org/graphql. host: without the port, as in performer keys."""

    graphql: httpx.URL
    host: str

    @classmethod
    def parse(cls, endpoint: str) -> "StashBoxAddress":
        """Raises NotAStashBox."""
        try:
            url = httpx.URL(endpoint.strip())
        except httpx.InvalidURL as error:
            raise NotAStashBox(
                f"The endpoint of this stash-box is not a valid URL ({error}). {_CORRECT}"
            ) from None
        if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
            raise NotAStashBox(
                f"{endpoint_host(endpoint)}: the endpoint of a stash-box starts with http:// or https:// and "
                f"names a host, without a user. {_CORRECT}"
            )
        return cls(url.copy_with(query=None, fragment=None), endpoint_host(endpoint))

    def image(self, image_id: str, url: str = "") -> httpx.URL:
        """Where the box serves an image. Always at its own origin: the key goes nowhere else.

        url: as the box gives it, which often names another host, such as one behind a proxy.
        """
        prefix = self.graphql.path.rstrip("/").removesuffix("/graphql")
        place = self.graphql.copy_with(path=f"{prefix}/images/{image_id}")
        with suppress(httpx.InvalidURL):
            given = httpx.URL(url).copy_with(fragment=None)
            if not given.userinfo and _origin(given) == _origin(self.graphql):
                place = given
        return place.copy_merge_params({"size": str(IMAGE_SIZE)})

    def __str__(self) -> str:
        return self.host


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


_CORRECT = "Correct it in Stash: Settings, Metadata Providers."
