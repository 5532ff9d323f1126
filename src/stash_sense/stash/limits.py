"""How long Stash may take, how much it may send, and how often it is asked again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes; every request is bounded by all of them.

    `connect_s`: to reach the server. `stall_s`: without a byte arriving or leaving. `total_s`: one request
    with all its repetitions, its wait for a free connection, and its whole body.
    `retry_s`: after this, no new attempt is begun. A person waits a few seconds for Stash to come back, a
    job of an hour may wait for a minute.
    `attempts`: how often a request that reached the server is sent in all. `pause_s`: before the second,
    doubled for each further one up to `longest_pause_s`; each is shortened at random by up to half, lest
    all come back at once.
    `media_bytes`: of one picture. `answer_bytes`: of one GraphQL answer; 200 images are about 300 kB.
    `connections`: to Stash at a time, all callers together; fixed when the pool is made.
    """

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


DEFAULT_LIMITS = Limits()
