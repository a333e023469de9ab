"""The SQL of who somebody is and how they may be reached: other segments, buckets, lists, consent, addresses."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from segments.conditions import Expression, Selection, inside
from segments.people import Bucket, Customers, MemberOf
from segments.reach import Consented, Reachable
from segments.tables import consent, endpoint, identity, profile


@inside.register
def _(predicate: MemberOf, selection: Selection) -> Expression:
    return inside(predicate.inner, selection)


@inside.register
def _(predicate: Bucket, selection: Selection) -> Expression:  # noqa: ARG001 - one signature for all leaves
    if predicate.below is None:
        return sa.true()
    salted = _bytes(predicate.salt.encode()).op("||")(sa.func.uuid_send(profile.c.id))
    return sa.func.sha256(salted) < _bytes(predicate.below)


@inside.register
def _(predicate: Customers, selection: Selection) -> Expression:
    ids = sa.bindparam(None, list(predicate.user_ids), ARRAY(sa.Text), unique=True)
    named = [identity.c.kind == _text("user_id"), identity.c.value == sa.any_(ids)]
    return selection.some(sa.select(identity.c.profile_id).where(*named))


@inside.register
def _(predicate: Consented, selection: Selection) -> Expression:
    """The newest word of each customer, and whether it is yes."""
    of = [consent.c.channel == _text(predicate.channel), consent.c.purpose == _text(predicate.purpose)]
    said = sa.select(consent.c.profile_id, consent.c.state).where(*of)
    newest_first = (consent.c.profile_id, consent.c.at.desc(), consent.c.id.desc())
    if selection.one_by_one:
        said = said.where(consent.c.profile_id == profile.c.id).limit(sa.literal_column("1")).correlate(profile)
    else:
        said = said.ext(distinct_on(consent.c.profile_id))
    last = said.order_by(*newest_first).subquery()
    return selection.some(sa.select(last.c.profile_id).where(last.c.state == _text("granted")), alone=True)


@inside.register
def _(predicate: Reachable, selection: Selection) -> Expression:
    valid = [endpoint.c.channel == _text(predicate.channel), endpoint.c.invalid_at.is_(None)]
    return selection.some(sa.select(endpoint.c.profile_id).where(*valid))


def _text(value: str) -> Expression:
    return sa.bindparam(None, value, sa.Text, unique=True)


def _bytes(value: bytes) -> Expression:
    return sa.bindparam(None, value, sa.LargeBinary, unique=True)
