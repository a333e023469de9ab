"""Ports on localhost: the usual one where it is free, any free one otherwise."""

import socket

LOCALHOST = "127.0.0.1"


def free_port(preferred: int = 0, *, host: str = LOCALHOST) -> int:
    """The preferred port if nobody listens on it, else one the system picks."""
    return preferred if preferred and is_free(host, preferred) else _any_port(host)


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _any_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port
