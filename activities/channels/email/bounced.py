"""What a letter that came back says of its address: nobody is there, not this time, or it is about us.

Promise: the same table for what a relay refuses at once and what returns later; a provider's own word for a bounce
counts where no code contradicts it, so that a block list never suppresses a customer.
Sources: RFC 3463; `activities.channels.email.smtp_replies`.
"""

import re
from enum import Enum

from activities.channels.email.smtp_replies import DEAD, FULL, SILENT, says_full, says_nobody

_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


class Bounced(Enum):
    """The three kinds."""

    HARD = "hard"
    SOFT = "soft"
    BLOCKED = "blocked"


def bounced(code: str, text: str, *, lasting: bool, sure: bool = False) -> Bounced:
    """The kind of a bounce, by its status code and what the server said; `sure` where a provider calls it permanent."""
    code = code if _CODE.fullmatch(code) else ""
    if code in DEAD:
        return Bounced.HARD
    if code in FULL or code.startswith("4.") or not lasting:
        return Bounced.SOFT
    if f"5{code[1:]}" not in SILENT and code:
        return Bounced.BLOCKED
    if says_full(text):
        return Bounced.SOFT
    return Bounced.HARD if sure or says_nobody(text) else Bounced.BLOCKED


def code_in(text: str) -> str:
    """The first status code of a text, if there is one."""
    found = re.search(rf"(?<![\w.]){_CODE.pattern}(?!\.?\d)", text)
    return found.group() if found else ""
