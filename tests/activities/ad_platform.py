"""An ad platform of somebody else's, and a receiver of signed POSTs: written by what is published alone, apart from our side.

The platform has accounts of its own, each with an address and a number as people type them; it hashes these itself and knows
who is meant by whichever hash fits. What is not as the pages say is refused: Meta, Marketing API, "Custom Audience Users".
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.standard_webhooks import NotGenuine, verify

#: Status line, further headers and body; nothing where it answers as it does.
Says = Callable[[], tuple[str, str, dict[str, Any]] | None]
TOKEN, AUDIENCE = "EAAB-token", "23851234567890123"
_HEX = re.compile(r"[0-9a-f]{64}")
_KNOWN = {"EXTERN_ID", "EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST", "ZIP", "MADID", "COUNTRY"}


@dataclass
class Listening:
    """A server of HTTP/1.1."""

    port: int = 0
    says: Says = lambda: None
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    server: asyncio.Server | None = None
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def open(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Nobody listens any more: connections are refused."""
        assert self.server is not None
        self.server.close()
        for each in self.writers:
            each.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = first.split(" ")
                self.heard.append((method, body))
                status, more, told = self.says() or self.answer(method, path, headers, body)
                content = json.dumps(told).encode()
                writer.write(f"HTTP/1.1 {status}\r\n{more}content-length: {len(content)}\r\n\r\n".encode() + content)
                await writer.drain()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[str, str, dict[str, Any]]:
        raise NotImplementedError


@dataclass
class AdPlatform(Listening):
    """Accounts by name, with address and number; who of them is in the audience."""

    accounts: dict[str, tuple[str, str]] = field(default_factory=dict)
    audience: set[str] = field(default_factory=set)
    extern: dict[str, str] = field(default_factory=dict)
    sessions: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    @property
    def graph(self) -> str:
        return f"http://127.0.0.1:{self.port}/v25.0"

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[str, str, dict[str, Any]]:
        try:
            return self._taken(method, path, headers, body)
        except (ValueError, KeyError, TypeError) as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
            return "400 Bad Request", "", {"error": {"message": str(error), "code": 100}}

    def _taken(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[str, str, dict[str, Any]]:
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return "400 Bad Request", "", {"error": {"message": "Invalid OAuth access token", "code": 190}}
        if path != f"/v25.0/{AUDIENCE}/users" or method not in ("POST", "DELETE"):
            return "404 Not Found", "", {"error": {"message": "Unknown path", "code": 2500}}
        if headers["content-type"] != "application/x-www-form-urlencoded":
            raise ValueError("a form is expected")
        form = {name: json.loads(each) for name, (each,) in parse_qs(body.decode(), strict_parsing=True).items()}
        payload = form.pop("payload")
        if method == "POST":
            self._insist_on_session(form.pop("session"), len(payload["data"]))
        if form or set(payload) != {"schema", "data"}:
            raise ValueError("unknown parameters")
        schema, data = payload["schema"], payload["data"]
        if not set(schema) <= _KNOWN or not 0 < len(data) <= 10_000 or any(len(row) != len(schema) for row in data):
            raise ValueError("schema and data do not fit")
        invalid = [row for row in data if not any(row) or not self._sound(schema, row)]
        for row in data:
            if row not in invalid:
                self._settle(method, dict(zip(schema, row, strict=True)))
        told = {"audience_id": AUDIENCE, "num_received": len(data), "num_invalid_entries": len(invalid)}
        return "200 OK", "", told | {"invalid_entry_samples": {}}

    def _insist_on_session(self, session: dict[str, Any], rows: int) -> None:
        if not isinstance(session["session_id"], int) or session["session_id"] in self.sessions:
            raise ValueError("a session's id is a number of its own")
        if (session["batch_seq"], session["last_batch_flag"]) != (1, True) or session["estimated_num_total"] != rows:
            raise ValueError("a session of one batch says so")
        self.sessions.add(session["session_id"])

    def _sound(self, schema: list[str], row: list[str]) -> bool:
        return all(
            isinstance(each, str) and (not each or kind == "EXTERN_ID" or _HEX.fullmatch(each))
            for kind, each in zip(schema, row, strict=True)
        )

    def _settle(self, method: str, entry: dict[str, str]) -> None:
        meant = {name for name, (email, phone) in self.accounts.items() if self._fits(entry, email, phone)}
        meant |= {self.extern[entry["EXTERN_ID"]]} if entry.get("EXTERN_ID") in self.extern else set()
        if method == "DELETE":
            self.audience -= meant
            return
        self.audience |= meant
        if entry.get("EXTERN_ID") and meant:
            self.extern[entry["EXTERN_ID"]] = min(meant)

    def _fits(self, entry: dict[str, str], email: str, phone: str) -> bool:
        mail = hashlib.sha256(email.strip().lower().encode("utf-8")).hexdigest()
        number = hashlib.sha256(re.sub(r"[^0-9]", "", phone).lstrip("0").encode("utf-8")).hexdigest()
        return entry.get("EMAIL") == mail or entry.get("PHONE") == number


@dataclass
class SignedReceiver(Listening):
    """Takes what is signed with its secret; who is in the audience by what it was told, each id once."""

    secret: str = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ"
    audience: dict[str, dict[str, str]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    numbers: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/audiences"

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[str, str, dict[str, Any]]:
        if (method, path) != ("POST", "/audiences"):
            return "404 Not Found", "", {}
        try:
            verify(self.secret, headers, body)
        except NotGenuine:
            return "401 Unauthorized", "", {}
        if headers["webhook-id"] in self.ids:
            return "200 OK", "", {}
        self.ids.add(headers["webhook-id"])
        told = json.loads(body)
        self.numbers.append(told["data"]["batch"])
        for member in told["data"]["members"]:
            name = member.get("user_id") or member["email_sha256"]
            if told["type"] == "audience.added":
                self.audience[name] = member
            elif told["type"] == "audience.removed":
                self.audience.pop(name, None)
        return "200 OK", "", {}


@asynccontextmanager
async def listening(server: Listening) -> AsyncIterator[None]:
    await server.open()
    try:
        yield
    finally:
        await server.close()
