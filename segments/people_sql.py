"""The SQL of who somebody is and how they may be reached: other segments, buckets, lists, consent, addresses."""

from typing import Any

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
    salted = _bytes(predicate.salt.encode()).op("||")(sa.func.uuid_send(sa.func.coalesce(profile.c.drawn_as, profile.c.id)))
    return sa.func.sha256(salted) < _bytes(predicate.below)


@inside.register
def _(predicate: Customers, selection: Selection) -> Expression:
    ids = sa.bindparam(None, list(predicate.user_ids), ARRAY(sa.Text), unique=True)
    named = [identity.c.kind == _text("user_id"), identity.c.value == sa.any_(ids)]
    return _exists(identity, identity.c.profile_id == profile.c.id, *named, *selection.among(identity.c.profile_id))


@inside.register
def _(predicate: Consented, selection: Selection) -> Expression:
    """The newest word of each customer, and whether it is yes."""
    of = [consent.c.channel == _text(predicate.channel), consent.c.purpose == _text(predicate.purpose)]
    newest_first = (consent.c.profile_id, consent.c.at.desc(), consent.c.id.desc())
    said = sa.select(consent.c.profile_id, consent.c.state).where(*of, *selection.among(consent.c.profile_id))
    last = said.ext(distinct_on(consent.c.profile_id)).order_by(*newest_first).subquery()
    return _exists(last, last.c.profile_id == profile.c.id, last.c.state == _text("granted"))


@inside.register
def _(predicate: Reachable, selection: Selection) -> Expression:
    valid = [endpoint.c.channel == _text(predicate.channel), endpoint.c.invalid_at.is_(None)]
    return _exists(endpoint, endpoint.c.profile_id == profile.c.id, *valid, *selection.among(endpoint.c.profile_id))


def _exists(source: sa.FromClause, *wanted: Expression) -> Expression:
    one: sa.Select[Any] = sa.select(sa.literal_column("1"))
    return one.select_from(source).where(*wanted).correlate(profile).exists()


def _text(value: str) -> Expression:
    return sa.bindparam(None, value, sa.Text, unique=True)


def _bytes(value: bytes) -> Expression:
    return sa.bindparam(None, value, sa.LargeBinary, unique=True)
