"""The SMTP server: takes mail like a receiving server, parses its MIME, and refuses or hangs up when told to.

Source: RFC 5321; the enhanced status codes are those of RFC 3463.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from journeys.clock import Clock
from workers.sandbox.faults import FaultRule, Faults
from workers.sandbox.letters import letter_shown
from workers.sandbox.messages import MessageLog, Provider

_AT_RECIPIENT = {
    "550": "550 5.1.1 The email account that you tried to reach does not exist",
    "relay": "550 5.7.1 Relaying denied",
    "451": "451 4.7.1 Greylisted, please try again later",
    "421": "421 4.3.2 Service not available, closing transmission channel",
}
_MAX_BYTES = 25 * 1024 * 1024


def smtp_protocol(log: MessageLog, faults: Faults, clock: Clock) -> Callable[[], SMTP]:
    """Makes one protocol per connection; any user name and password is accepted."""
    receiver = _Receiver(log, faults, clock)
    return lambda: SMTP(
        receiver,
        hostname="sandbox.localhost",
        ident="Sandbox ESMTP",
        enable_SMTPUTF8=True,
        data_size_limit=_MAX_BYTES,
        auth_require_tls=False,
        authenticator=_anyone,
    )


def _anyone(*_: Any) -> AuthResult:
    return AuthResult(success=True)


@dataclass(frozen=True)
class _Receiver:
    """aiosmtpd's handler: its method names are aiosmtpd's."""

    log: MessageLog
    faults: Faults
    clock: Clock
    #: The fault that an open envelope meets after DATA.
    drawn: WeakKeyDictionary[Envelope, FaultRule] = field(default_factory=WeakKeyDictionary)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept a recipient, or meet a fault."""
        if not address.isprintable():
            return "501 5.1.3 Bad recipient address syntax"
        rule = self.faults.draw(Provider.SMTP, address)
        if rule is not None and rule.fault in _AT_RECIPIENT:
            if rule.fault == "421":
                asyncio.get_running_loop().call_later(0.05, _close, server)
            return _AT_RECIPIENT[rule.fault]
        if rule is not None:
            self.drawn[envelope] = rule
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the message, or meet the fault that its recipient drew."""
        rule = self.drawn.get(envelope)
        if rule is not None and rule.fault == "554":
            return "554 5.7.1 Message rejected"
        if rule is None or rule.fault in ("timeout_after_accept", "slow"):
            self._accept(envelope, rule)
        if rule is not None and rule.fault == "slow":
            await asyncio.sleep(rule.hold_seconds)
        elif rule is not None:
            await _hang_up(server, rule.hold_seconds)
        return "250 2.0.0 OK: queued"

    def _accept(self, envelope: Envelope, rule: FaultRule | None) -> None:
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        for recipient in envelope.rcpt_tos:
            self.log.add(letter_shown(Provider.SMTP, raw, recipient, self.clock, fault=rule.fault if rule else None))


async def _hang_up(server: SMTP, after_seconds: float) -> None:
    """Stay silent, then drop the connection."""
    await asyncio.sleep(after_seconds)
    _close(server)


def _close(server: SMTP) -> None:
    if server.transport is not None:
        server.transport.close()
