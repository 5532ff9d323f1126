"""Asking the sidecar that runs: where it is and its secret are those of the settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import httpx

from stash_sense.errors import NoSidecar, SidecarRefused
from stash_sense.runtime.secret import find_secret
from stash_sense.settings import Settings

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
"""Seconds; a job that is cancelled may take half of them to leave off."""


_ALL_INTERFACES = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not listened on


class RunningSidecar:
    """The sidecar at `url`. Every call raises NoSidecar and SidecarRefused."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url = url
        self._http = http

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """What is at a path of the API."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Have something done."""
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **more)
        except httpx.ConnectError as error:
            raise NoSidecar(
                f"No sidecar runs at {self.url}. Start it: `stash-sense serve`; or set STASH_SENSE_HOST and "
                "STASH_SENSE_PORT to where it runs."
            ) from error
        except httpx.HTTPError as error:
            raise NoSidecar(
                f"The sidecar at {self.url} gave no whole answer ({type(error).__name__}). See its log, or "
                "try again."
            ) from error
        said = _json(answer)
        if said is None:
            raise NoSidecar(
                f"What answers at {self.url} is no Stash Sense ({answer.status_code}). Set STASH_SENSE_HOST "
                "and STASH_SENSE_PORT to where it runs."
            )
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise SidecarRefused(
                str(said["code"]),
                f"The sidecar at {self.url} asks for another secret than the one known here. Run this "
                "command with the STASH_API_KEY, STASH_SENSE_TOKEN and DATA_DIR that the sidecar runs with.",
            )
        if answer.is_error:
            raise SidecarRefused(str(said["code"]), str(said["detail"]))
        return said


@contextmanager
def running_sidecar(settings: Settings) -> Iterator[RunningSidecar]:
    """The sidecar of the settings, whether it runs or not. Raises NoSecret."""
    host = _ALL_INTERFACES.get(settings.host, settings.host)
    url = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    secret = find_secret(settings)
    headers = {"Authorization": f"Bearer {secret.value}"} if secret else {}
    # No proxy of the environment: it would get the secret.
    with httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=False) as http:
        yield RunningSidecar(url, http)


def _json(answer: httpx.Response) -> dict[str, Any] | None:
    """None where it is none of Stash Sense's, which all name their request."""
    try:
        said = answer.json()
    except ValueError:
        return None
    return said if isinstance(said, dict) and "x-request-id" in answer.headers else None
