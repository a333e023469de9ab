"""The SQL of where traits come from: the two JSON columns beside the traits, compared as JSON values are."""

import sqlalchemy as sa

from segments.language.documents import Compare
from segments.leaves.provenance import Declared, Origin, Said
from segments.sql.conditions import Selection, inside
from segments.sql.documents import Expression, Value, compare, instant_of
from segments.sql.rows import now, younger_than
from segments.sql.tables import profile


@inside.register
def _(predicate: Declared, selection: Selection) -> Expression:  # noqa: ARG001 - one signature for all leaves
    told = Value.field(profile.c.traits_from, predicate.trait).json
    return sa.and_(_is_there(predicate.trait), sa.not_(compare(Compare("property", ("confidence",), "exists"), told)))


@inside.register
def _(predicate: Origin, selection: Selection) -> Expression:  # noqa: ARG001 - one signature for all leaves
    leaf = Compare("property", (predicate.asked,), predicate.op, predicate.value)
    told = Value.field(profile.c.traits_from, predicate.trait).json
    return sa.and_(_is_there(predicate.trait), compare(leaf, told))


@inside.register
def _(predicate: Said, selection: Selection) -> Expression:  # noqa: ARG001 - one signature for all leaves
    after = younger_than(predicate.window)
    said_at = Value.field(profile.c.traits_at, predicate.trait)
    lately = instant_of(said_at, lambda instant: sa.and_(instant > after, instant <= now()))
    return sa.and_(_is_there(predicate.trait), lately)


def _is_there(trait: str) -> Expression:
    return compare(Compare("trait", (trait,), "exists"), profile.c.traits)
