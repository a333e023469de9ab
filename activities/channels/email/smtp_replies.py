"""What a relay's refusal means: nobody is there, not now, not this letter, or we are not welcome.

Promise: an address counts as dead only where a code says so, or, without a code, words that can mean nothing else. A reply's
text stays out of every error, because it often names the recipient.
Sources: RFC 5321 (4.2), RFC 3463, RFC 7505 (5.1.10), IANA "SMTP Enhanced Status Codes".
"""

import re
from datetime import timedelta

import aiosmtplib

from activities.channels.errors import ChannelError, EndpointGone, Refused, TryLater, Unable

#: No mailbox of that name; it has moved and left no address; its domain takes no mail (null MX); it is disabled.
DEAD = frozenset({"5.1.1", "5.1.6", "5.1.10", "5.2.1"})
#: Full, or over a quota: it may be emptied.
FULL = frozenset({"5.2.2", "5.2.4"})
#: Codes that leave everything open.
SILENT = frozenset({"", "5.0.0", "5.1.0", "5.2.0"})

_MAILBOX_FULL = 552
_EMPTIED = timedelta(hours=1)
#: A code, in front as RFC 2034 has it or somewhere in the text as old relays do; never a part of an IP address.
_ENHANCED = re.compile(r"(?<![\w.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")

_WHO = r"(?:user|recipient|mailbox|mail box|account|address|alias)"
_NOBODY = re.compile(
    rf"(?:no such|unknown|non-?existent|invalid) (?:local )?{_WHO}"
    rf"|{_WHO}(?: name)?(?: is)? (?:unknown|not found|disabled|inactive|invalid|does(?: not|n't) exist|no longer exists)"
    rf"|no mailbox (?:here )?by that name|not a (?:known|valid) {_WHO}|no {_WHO} (?:here )?by that name",
    re.IGNORECASE,
)
_FILLED = re.compile(r"\bfull\b|quota|insufficient (?:system )?storage", re.IGNORECASE)
#: About us, our relay or the letter, whatever else stands there.
_ABOUT_US = re.compile(
    r"relay|polic|block|black|spam|reput|rate|limit|too many|sender|authenti|password|denied|permi|listed|verif|temporar"
    r"|\btry\b",
    re.IGNORECASE,
)


class Unwelcome(Unable):
    """A refusal at MAIL or RCPT that is not about the recipient: the next one would hear the same."""


def answered(error: aiosmtplib.SMTPResponseException) -> ChannelError:
    """The channel's error for a reply to anything but a recipient."""
    detail = _detail(error)
    if 500 <= error.code <= 599:  # noqa: PLR2004 - permanent, RFC 5321, 4.2.1
        return Refused(detail)
    return TryLater(detail)


def envelope_refused(error: aiosmtplib.SMTPResponseException) -> ChannelError:
    """The channel's error for a reply to MAIL: a permanent one is about us."""
    general = answered(error)
    return Unwelcome(general.detail) if isinstance(general, Refused) else general


def recipient_refused(error: aiosmtplib.SMTPResponseException) -> ChannelError:
    """The channel's error for a reply to RCPT."""
    general, code = answered(error), _enhanced(error)
    if not isinstance(general, Refused):
        return general
    if code in DEAD or (code in SILENT and says_nobody(error.message)):
        return EndpointGone(f"{general.detail} hard bounce")
    if code in FULL or (code in SILENT and (error.code == _MAILBOX_FULL or says_full(error.message))):
        return TryLater(f"{general.detail} mailbox full", _EMPTIED, theirs=True)
    return Refused(general.detail) if code.startswith(("5.1.", "5.2.")) else Unwelcome(general.detail)


def says_nobody(text: str) -> bool:
    """Whether a server's words can mean nothing but that nobody is there."""
    return bool(_NOBODY.search(text)) and not _ABOUT_US.search(text)


def says_full(text: str) -> bool:
    """Whether they say that the mailbox is full."""
    return bool(_FILLED.search(text))


def _enhanced(error: aiosmtplib.SMTPResponseException) -> str:
    match = _ENHANCED.search(error.message)
    return match.group() if match else ""


def _detail(error: aiosmtplib.SMTPResponseException) -> str:
    return f"smtp {error.code} {_enhanced(error)}".rstrip()
