"""Files that settings name: keys and accounts, read where a provider is made.

Promise: one that cannot be used is told by its setting and its path, and nothing of what stands in it.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from activities.channels.errors import Misconfigured

#: What of a service account is used.
_ACCOUNT = ("client_email", "private_key", "token_uri")


def text_in(file: Path, setting: str) -> str:
    """What stands in the file of a setting.

    Raises:
        Misconfigured: it cannot be read.
    """
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise Misconfigured(f"{setting}: {file} cannot be read ({why})") from None


def service_account(file: Path, setting: str, *needed: str) -> Mapping[str, str]:
    """A service account as Google's console gives it; `needed` are fields besides those by which it logs in.

    Raises:
        Misconfigured: the file cannot be read, or lacks something.
    """
    try:
        account = json.loads(text_in(file, setting))
    except json.JSONDecodeError:
        account = None
    lacking = [name for name in (*_ACCOUNT, *needed) if not isinstance(account, dict) or not account.get(name)]
    if lacking:
        raise Misconfigured(
            f"{setting}: {file} is no service account's JSON file from Google's console (no {', '.join(lacking)})"
        )
    assert isinstance(account, dict)
    return account
