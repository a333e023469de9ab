"""What `JOURNEYS_SECRET` must not be: empty, short, or an example that stands where everybody can read it.

Promise: whoever can guess the secret could unsubscribe others, speak for them and find suppressed addresses by trying; so a
process does not start with such a one, and what it says never shows the secret.
"""

#: Characters: half of what `openssl rand -hex 32` prints.
SHORTEST = 32
_FEWEST_DIFFERENT = 8
_EXAMPLES = ("change-me", "changeme", "change_me", "example", "secret", "password", "journeys", "0123456789", "abcdef123456")
_REMEDY = "make one with `openssl rand -hex 32`, and keep it: what it signed is in letters that were sent"


def weakness(secret: str) -> str | None:
    """Why this cannot be the secret, with what to do; None when it can."""
    if len(secret) < SHORTEST:
        return f"it has {len(secret)} characters and must have at least {SHORTEST}; {_REMEDY}"
    if len(set(secret)) < _FEWEST_DIFFERENT or any(example in secret.lower() for example in _EXAMPLES):
        return f"it is an example or can be guessed; {_REMEDY}"
    return None
