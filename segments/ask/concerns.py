"""What to worry about before trusting a segment: too small, too many, overlapping, stale, or past its review date.

Each concern has the id of the capability that asks for it (GOV-03, 04, 05, 06, 10, PRO-04), its segment, and what to do.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from segments.ask.crossings import is_new, no_such_kind
from segments.ask.hints import of_values
from segments.ask.silence import Heard
from segments.language.events import CROSSED_EVENT, LIST_EVENT, TRAITS_CHANGED
from segments.language.moves import event_types, trait_names
from segments.language.segment import Segment
from segments.language.sizing import too_small
from segments.language.words import span_in_words
from segments.leaves.people import mentions
from segments.predictions.declared import predictions_in
from segments.time.zones import read_zone
from store import Database, predictions, sources
from store.predictions import PredictionRow
from store.segments.rows import Overlap, evaluated, heard_from, last_heard, overlaps, zones_said
from store.sources import SourceRow


@dataclass(frozen=True, slots=True)
class Concern:
    """A reason not to trust a segment as it stands; `segment` is None when it is about all of them."""

    id: str
    kind: str
    segment: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class WorryFrom:
    """From where on to worry: silence of an event type, share of overlap (0 to 1), number of segments.

    `sources` says for how long some sources may be silent; for the others it is twice their own longest gap.
    """

    silence: timedelta = timedelta(days=1)
    overlap: float = 0.8
    segments: int = 50
    sources: Mapping[str, timedelta] = field(default_factory=dict)


async def concerns(
    database: Database, segments: Sequence[Segment], sizes: Mapping[str, int], at: datetime, limits: WorryFrom
) -> list[Concern]:
    """Everything to worry about, by segment; `sizes` has the members of each now."""
    types = sorted(frozenset[str]().union(*(reads(segment) for segment in segments)))
    heard = await last_heard(database, types, at) if types else {}
    senders = [Heard(**dict(row)) for row in await heard_from(database, types, at)] if types else []
    shared = await overlaps(database, sizes) if len(segments) > 1 else []
    done = await evaluated(database, {segment.name: segment.version for segment in segments})
    late = [row for row in await sources.found(database) if row.standing(at) in ("late", "failing")]
    foretold = {row.name: row for row in await predictions.found(database)}
    made_of = {segment.name: mentions(segment.predicate) for segment in segments}
    found = [
        *_too_many(segments, limits),
        *_nowhere(await zones_said(database)),
        *(concern for each in segments for concern in of_one(each, sizes.get(each.name, 0), heard, at, limits)),
        *(concern for each in segments if each.name in done for concern in _empty(each, sizes.get(each.name, 0), foretold, at)),
        *[concern for each in segments for concern in await _of_values(database, each)],
        *(concern for each in segments for concern in _silent(each, senders, heard, at, limits)),
        *(concern for each in segments for concern in _old(each, late)),
        *(concern for each in segments for concern in of_foretold(each, foretold, at)),
        *_overlapping([pair for pair in shared if not _by_definition(pair, made_of)], limits),
    ]
    return sorted(found, key=lambda concern: (concern.segment or "", concern.id))


def of_one(segment: Segment, members: int, heard: Mapping[str, datetime], at: datetime, limits: WorryFrom) -> list[Concern]:
    """What to worry about in one segment, given when each event type was last heard of."""
    return [*_overdue(segment, at), *_too_small(segment, members), *_stale(segment, heard, at, limits)]


async def _of_values(database: Database, segment: Segment) -> list[Concern]:
    async with database.pool.acquire() as connection:
        return [
            Concern("GOV-05", "other values", segment.name, found) for found in await of_values(connection, segment.predicate)
        ]


def _empty(segment: Segment, members: int, foretold: Mapping[str, PredictionRow], at: datetime) -> Iterable[Concern]:
    if members == 0 and not any(of_foretold(segment, foretold, at)):  # which says why
        told = f"is live and has no members; look at it by `journeys segments explain {segment.name}`, or retire it"
        yield Concern("GOV-03", "empty", segment.name, told)


def reads(segment: Segment) -> frozenset[str]:
    """The event types that keep a segment fresh; those of lists and predictions are ours, and may be silent."""
    types = event_types(segment.predicate) | ({TRAITS_CHANGED} if trait_names(segment.predicate) else frozenset[str]())
    return frozenset(named for named in types if not named.startswith((LIST_EVENT, CROSSED_EVENT)))


def _overdue(segment: Segment, at: datetime) -> Iterable[Concern]:
    if segment.review_by is not None and segment.review_by < at.date():
        whom = segment.owner or "its owner (none is named)"
        yield Concern("GOV-10", "review overdue", segment.name, f"was to be reviewed by {segment.review_by}; ask {whom}")


def _too_small(segment: Segment, members: int) -> Iterable[Concern]:
    if segment.effect is not None and (sentence := too_small(segment.effect, members)):
        yield Concern("GOV-03", "too small", segment.name, sentence)


def _stale(segment: Segment, heard: Mapping[str, datetime], at: datetime, limits: WorryFrom) -> Iterable[Concern]:
    for named in sorted(reads(segment)):
        last = heard.get(named)
        if last is None:
            yield Concern(
                "GOV-05", "stale", segment.name, f"reads {_source(named)}, which was never received; check its source"
            )
        elif at - last > limits.silence:
            ago = span_in_words(timedelta(minutes=(at - last) // timedelta(minutes=1)))
            sentence = (
                f"reads {_source(named)}, last received {ago} ago (allowed: {span_in_words(limits.silence)}); check its source"
            )
            yield Concern("GOV-05", "stale", segment.name, sentence)


def _source(named: str) -> str:
    return "traits (identify)" if named == TRAITS_CHANGED else f'"{named}"'


def _silent(
    segment: Segment, senders: Iterable[Heard], heard: Mapping[str, datetime], at: datetime, limits: WorryFrom
) -> Iterable[Concern]:
    """Sources that are silent while others go on; if all are, the event type itself is stale."""
    for each in senders:
        last = heard.get(each.type)
        allowed = each.allowed(limits.silence, limits.sources)
        if each.type not in reads(segment) or allowed is None or at - each.last_at <= allowed:
            continue
        if last is not None and at - last <= limits.silence:
            ago = span_in_words(timedelta(minutes=(at - each.last_at) // timedelta(minutes=1)))
            sentence = (
                f"reads {_source(each.type)}, which the source {each.source} last sent {ago} ago"
                f" (allowed: {span_in_words(timedelta(minutes=allowed // timedelta(minutes=1)))}); check that source"
            )
            yield Concern("GOV-05", "stale", segment.name, sentence)


def _old(segment: Segment, late: Iterable[SourceRow]) -> Iterable[Concern]:
    """Tables and files that it rests on, and that have not been read as they should."""
    asked = trait_names(segment.predicate) | event_types(segment.predicate)
    for each in late:
        if found := sorted(asked & set(each.gives)):
            since = f"since {each.read_at:%Y-%m-%d %H:%M} UTC" if each.read_at is not None else "ever"
            why = f": {each.failure}" if each.failure else ""
            sentence = f"asks for {', '.join(found)} of the source {each.name}, which was not read to its end {since}{why}"
            yield Concern("GOV-05", "stale", segment.name, sentence)


def of_foretold(segment: Segment, foretold: Mapping[str, PredictionRow], at: datetime) -> Iterable[Concern]:
    """Predictions that it asks for, and that let nobody new in, or have not said yet who is in by it (GOV-06, ML-14)."""
    asked = list(predictions_in(segment.predicate))
    for name in sorted({leaf.prediction for leaf in asked} & foretold.keys()):
        if why := foretold[name].held(at):
            yield Concern("GOV-06", "stale model", segment.name, f"lets nobody new in by the prediction {name}: {why}")
    for name in sorted({leaf.prediction for leaf in asked if is_new(leaf, foretold.get(leaf.prediction), at)}):
        told = f"waits for the scoring of {name}, which is asked for and says who is in: `journeys models show {name}`"
        yield Concern("GOV-06", "waits for scoring", segment.name, told)
    for leaf in asked:
        if kind := no_such_kind(leaf, foretold.get(leaf.prediction)):
            yield Concern("GOV-05", "no such kind", segment.name, f"asks who is {kind}")


def _too_many(segments: Sequence[Segment], limits: WorryFrom) -> Iterable[Concern]:
    if len(segments) > limits.segments:
        yield Concern(
            "GOV-04", "too many", None, f"{len(segments)} segments are active, more than {limits.segments}; retire some"
        )


def _nowhere(said: Mapping[str, int]) -> Iterable[Concern]:
    """Time zones that are none: nobody knows when it is night there."""
    strange = {zone: count for zone, count in said.items() if zone.strip() and read_zone(zone) is None}
    if strange:
        most = max(strange, key=lambda zone: (strange[zone], zone))
        sentence = (
            f"{sum(strange.values()):,} customers have a timezone that is none, most often {most[:40]!r}; send an IANA name"
            " such as 'Europe/Madrid'. Until then device, phone or country tells where they are, else quiet hours hold all day"
        )
        yield Concern("PRO-04", "unknown time zone", None, sentence)


def _by_definition(pair: Overlap, made_of: Mapping[str, AbstractSet[str]]) -> bool:
    """Whether one is made of the other, so that they share members on purpose."""
    return pair.one in made_of[pair.other] or pair.other in made_of[pair.one]


def _overlapping(shared: Iterable[Overlap], limits: WorryFrom) -> Iterable[Concern]:
    for pair in shared:
        if max(pair.jaccard, pair.containment) > limits.overlap:
            smaller, larger = (pair.one, pair.other) if pair.of_one <= pair.of_other else (pair.other, pair.one)
            sentence = (
                f"{pair.containment:.0%} of its members are in {larger}, too ({pair.jaccard:.0%} of all that either has);"
                " merge them, or exclude one from the other"
            )
            yield Concern("GOV-04", "overlapping", smaller, sentence)
