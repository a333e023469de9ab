"""The SQL of who somebody is and how they may be reached: other segments, buckets, lists, consent, addresses."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from segments.leaves.people import Bucket, Customers, MemberOf
from segments.leaves.reach import Consented, Reachable
from segments.sql.conditions import Expression, Selection, inside
from segments.sql.tables import endpoint, identity, profile


@inside.register
def _(predicate: MemberOf, selection: Selection) -> Expression:
    return inside(predicate.inner, selection)


@inside.register
def _(predicate: Bucket, selection: Selection) -> Expression:  # noqa: ARG001 - one signature for all leaves
    if predicate.below is None:
        return sa.true()
    salted = _bytes(predicate.salt.encode()).op("||")(sa.func.uuid_send(sa.func.coalesce(profile.c.drawn_as, profile.c.id)))
    return sa.func.sha256(salted) < _bytes(predicate.below)


@inside.register
def _(predicate: Customers, selection: Selection) -> Expression:
    ids = sa.bindparam(None, list(predicate.user_ids), ARRAY(sa.Text), unique=True)
    named = [identity.c.kind == _text("user_id"), identity.c.value == sa.any_(ids)]
    return selection.some(sa.select(identity.c.profile_id).where(*named))


@inside.register
def _(predicate: Consented, selection: Selection) -> Expression:
    """What the log says of each address is kept beside it (docs/consent.md)."""
    return _address(predicate.channel, selection, endpoint.c[predicate.purpose] == _text("granted"))


@inside.register
def _(predicate: Reachable, selection: Selection) -> Expression:
    return _address(predicate.channel, selection, endpoint.c.invalid_at.is_(None))


def _address(channel: str, selection: Selection, wanted: Expression) -> Expression:
    """There is such an address, of those that a newer one has not replaced."""
    of = [endpoint.c.channel == _text(channel), endpoint.c.replaced_at.is_(None), wanted]
    return selection.some(sa.select(endpoint.c.profile_id).where(*of))


def _text(value: str) -> Expression:
    return sa.bindparam(None, value, sa.Text, unique=True)


def _bytes(value: bytes) -> Expression:
    return sa.bindparam(None, value, sa.LargeBinary, unique=True)
