"""The certificate of an erasure: what was done, counted by table, as JSON that can be checked and as text that can be read.

Promise: it holds no personal data and no id of the customer: who asked for it knows the erasure's id. Whoever changes a word
of it is found out (`holds`), as long as the installation's secret is known.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from uuid import UUID

import orjson

#: A keyed hash of bytes; the same bytes give the same.
Sign = Callable[[bytes], bytes]
_SEALS = ("digest", "signature")

#: What each kind of row means to people.
_WORDS = {
    "profile": "profiles emptied (traits, time zone)",
    "identity": "names",
    "endpoint": "addresses and push tokens",
    "consent": "words about consent",
    "topic_choice": "words about topics",
    "event": "events",
    "event_dedupe": "message ids that told who it was",
    "dead_letter": "calls that could not be taken in",
    "run_ended": "journeys ended",
    "run": "journeys, without what they began with",
    "delivery": "messages, without address, content and what the gate saw",
    "expectation": "tasks with their notes, and other things waited for",
    "service_call": "answers of the company's services",
    "segment_member": "memberships of segments",
    "segment_transition": "entries and exits of segments, without their cause",
    "entry_refused": "refused entries, without their details",
    "audit": "changes that people made, without the fields that they changed",
    "merge": "merges of profiles",
    "exposure": "arms of experiments",
    "choice_made": "what they were given of choices, and why",
    "customer_value": "what counts for them in experiments, by day",
    "customer_touched": "marks for the sums",
    "wallet_pass": "passes in wallets",
    "wallet_device": "devices that have a pass",
    "audience_due": "marks for audiences",
    "audience_member": "entries in audiences, which their destinations were told to forget",
    "export_file": "files in the bucket, of which each was written anew without them",
    "google_wallet": "passes at Google Wallet, expired and without content",
}


def certificate(
    id_: UUID,
    *,
    requested_at: datetime,
    requested_by: str,
    finished_at: datetime,
    removed: Mapping[str, int],
    emptied: Mapping[str, int],
    kept: Mapping[str, int],
    in_flight: int,
    kept_by_google: int = 0,
    left_at_destinations: int = 0,
    named_in_definitions: int = 0,
    sign: Sign,
) -> dict[str, Any]:
    """What was done, sealed."""
    told: dict[str, Any] = {
        "certificate": "erasure of a customer",
        "version": 1,
        "erasure": str(id_),
        "requested_at": requested_at.isoformat(),
        "requested_by": requested_by,
        "finished_at": finished_at.isoformat(),
        "removed": dict(sorted(removed.items())),
        "emptied": dict(sorted(emptied.items())),
        "kept_without_the_person": dict(sorted(kept.items())),
        "at_a_provider_when_it_began": in_flight,
    }
    told |= {"kept_by_google_wallet": kept_by_google} if kept_by_google else {}
    told |= {"left_at_destinations": left_at_destinations} if left_at_destinations else {}
    told |= {"named_in_definitions": named_in_definitions} if named_in_definitions else {}
    return told | {"digest": _digest(told), "signature": sign(_bytes(told)).hex()}


def holds(told: Mapping[str, Any], signs: "list[Sign]") -> bool:
    """Whether a certificate is one of ours, word for word: under the secret of today, or a former one."""
    plain = {name: value for name, value in told.items() if name not in _SEALS}
    return any(compare_digest(sign(_bytes(plain)).hex(), str(told.get("signature"))) for sign in signs)


def as_text(told: Mapping[str, Any]) -> str:
    """The same for people."""
    lines = [
        "CERTIFICATE OF ERASURE",
        "",
        f"Erasure {told['erasure']}",
        f"Asked for at {told['requested_at']} by {told['requested_by']}, finished at {told['finished_at']}.",
        "",
        "Removed",
        *_counted(told["removed"]),
        "",
        "Emptied: the rows stay for the sums, and lead to nobody",
        *_counted(told["emptied"]),
        "",
        "Kept without the person",
        *_counted(told["kept_without_the_person"]),
        "",
        "Addresses at which the customer had said no stay suppressed as keyed hashes, which do not give the address back.",
        f"Messages at a provider when it began: {told['at_a_provider_when_it_began']}; none was sent after.",
        *_left(told),
        "",
        f"SHA-256   {told['digest']}",
        f"Signature {told['signature']}",
    ]
    return "\n".join(lines) + "\n"


def _left(told: Mapping[str, Any]) -> list[str]:
    """What somebody else may still have, and somebody is to remove there."""
    words = {
        "kept_by_google_wallet": "Passes that Google Wallet would not let us empty; remove them in the issuer's console",
        "left_at_destinations": "Entries in audiences whose destinations were said to be no more before they were told",
        "named_in_definitions": "Definitions of segments and predictions that name them; write them anew without it",
    }
    return [f"{sentence}: {told[name]}." for name, sentence in words.items() if told.get(name)]


def _counted(rows: Mapping[str, int]) -> list[str]:
    return [f"  {count:>8}  {_WORDS.get(name, name.replace('_', ' '))}" for name, count in rows.items()] or ["  nothing"]


def _bytes(told: Mapping[str, Any]) -> bytes:
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _digest(told: Mapping[str, Any]) -> str:
    return sha256(_bytes(told)).hexdigest()
