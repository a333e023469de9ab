"""Servers that the workers of pytest-xdist share: their controller starts one when the first of them asks for it.

Promise: nothing is started that nobody asked for, and who cannot be served hears why.
"""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from threading import Thread


class NotLent(Exception):
    """The controller could not start a server."""


class Lender:
    """The controller's side: it answers with the address of a server, one worker after the other."""

    def __init__(self, start: Callable[[str], str]) -> None:
        self._start = start
        self._key = secrets.token_bytes(32)
        self._listener = Listener(family="AF_UNIX", authkey=self._key)
        Thread(target=self._serve, name="journeys-lender", daemon=True).start()

    @property
    def address(self) -> tuple[str, str]:
        """What a worker must know to ask, as xdist can send it."""
        return str(self._listener.address), self._key.hex()

    def _serve(self) -> None:
        while True:
            with suppress(EOFError, OSError, AuthenticationError), self._listener.accept() as worker:
                worker.send(self._answer(worker.recv()))

    def _answer(self, name: str) -> tuple[bool, str]:
        try:
            return True, self._start(name)
        except Exception as error:  # noqa: BLE001 - it is told where the test is, and not here
            return False, f"{type(error).__name__}: {error}"


def borrowed(lender: Sequence[str], name: str) -> str:
    """The address of one of the controller's servers.

    Raises:
        NotLent: it could not be started; with the reason.
    """
    address, key = lender
    with Client(address, authkey=bytes.fromhex(key)) as controller:
        controller.send(name)
        served, told = controller.recv()
    if not served:
        raise NotLent(told)
    return str(told)
