"""The connections to one Stash. Requests are made for URLs of `StashAddress` only."""

from dataclasses import dataclass

from stash_sense.graphql.transport import RequestLimits, Transport
from stash_sense.stash.address import StashAddress
from stash_sense.stash.failures import StashFailures


@dataclass(frozen=True, slots=True)
class StashLimits(RequestLimits):
    """Limits of one request to Stash. answer_bytes: 200 images are about 300 kB."""

    connect_s: float = 5.0
    stall_s: float = 20.0
    total_s: float = 60.0
    retry_s: float = 5.0
    attempts: int = 3
    pause_s: float = 0.25
    longest_pause_s: float = 4.0
    media_bytes: int = 200_000_000
    answer_bytes: int = 64_000_000
    connections: int = 16


DEFAULT_STASH_LIMITS = StashLimits()


class StashTransport(Transport):
    """The connection pool to one Stash."""

    def __init__(self, address: StashAddress, api_key: str, limits: StashLimits) -> None:
        """Raises StashKeyRefused if the key cannot be sent in a header."""
        self.address = address
        failures = StashFailures(address, with_key=bool(api_key.strip()))
        super().__init__(failures, api_key, limits, login=address.login)
