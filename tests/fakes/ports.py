"""Ports for programs that must be told one."""

import random
import socket

_LOW, _HIGH = 10_000, 32_000
"""Below those that the system gives to clients and to servers that ask for any: nobody takes it meanwhile."""


def free_port() -> int:
    """One of loopback that nobody listens on."""
    while True:
        port = random.SystemRandom().randrange(_LOW, _HIGH)
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
