"""What a call by a client's key says, and what it only claims: an app and a web page can be made to say anything.

A user id without the shop's signature names a customer for the event alone: no trait, no address, no consent is taken from such
a call, and it joins no device and no other id to that user (docs/ingest.md has the table). What depends on what is stored
already is decided by `store.ingest.rights`.
"""

from typing import Any, Literal

from api.ingest.arrival import Rejected
from api.ingest.signed import Signatures, taken_off
from store.ingest.items import Item

Trust = Literal["server", "signed", "claimed"]

_HOW = "sign the userId on the shop's server and send it in context.identity.signature, or send this by a server's key"


def as_client(context: dict[str, Any], user_id: str | None, signatures: Signatures) -> tuple[dict[str, Any], Trust]:
    """The context as it may be stored, without the signature, and how far the call is to be believed.

    The user's id is given as it was sent.

    Raises:
        Rejected: it names the source of a trait, which only a server can.
    """
    context, signature = taken_off(context)
    if context.get("provenance") is not None:
        raise Rejected("bad-provenance", "a client's key cannot say where a trait comes from", "/context/provenance")
    signed = signature is not None and user_id is not None and signatures.vouch(user_id, signature)
    return context, "signed" if signed else "claimed"


def joining(item: Item) -> Item:
    """The call with the names that it may join: all of a signed one, but for an alias' of two users; else the user alone.

    Raises:
        Rejected: an unsigned alias, which is nothing but a joining.
    """
    if item.trust == "claimed":
        if item.kind == "alias":
            raise Rejected("unsigned-identity", f"an alias by a client's key needs a signed userId; {_HOW}", "/userId")
        return item if item.user_id is None else item._replace(anonymous_id=None)
    if item.previous_id is not None:  # a device's id, as in an identify call: two users are only joined by a server's key
        return item._replace(anonymous_id=item.previous_id, previous_id=None)
    return item


def as_claimed(item: Item) -> tuple[Item, Rejected | None]:
    """The call without what an unsigned user id may not change, and what to say of that, if there was anything."""
    if item.trust != "claimed" or item.user_id is None or item.changes is None:
        return item, None
    detail = f"is not signed: the event was stored, its traits, addresses and consent were not; {_HOW}"
    return item._replace(changes=None), Rejected("unsigned-identity", detail, "/userId")
