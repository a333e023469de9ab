"""The table of the builder: every kind of condition that a form serves, with its fields in words.

Promise: pure. A kind that the language gets, and that has no line here, stands in the form as JSON.
"""

from collections.abc import Mapping

from api.console.builder.folds import (
    deep_address,
    deep_group,
    deep_message,
    deep_position,
    flat_address,
    flat_group,
    flat_message,
    flat_position,
    how_soon,
)
from api.console.builder.kinds import Field, Kind, Scope, Slot
from api.console.builder.shapes import (
    OF_NUMBERS,
    Always,
    Choice,
    Compared,
    Corners,
    Ends,
    Flag,
    Json,
    Lines,
    Measure,
    Number,
    Span,
    Text,
    Weekdays,
    Zone,
)
from segments.language.comparing import MIRRORED
from segments.language.events import (
    MESSAGE_CLICKED,
    MESSAGE_COMPLAINED,
    MESSAGE_DELIVERED,
    MESSAGE_FAILED,
    MESSAGE_READ,
    MESSAGE_REPLIED,
    MESSAGE_SENT,
    UNSUBSCRIBED,
)
from segments.language.values import OPERATORS
from segments.leaves.origin import ASKED
from segments.leaves.reach import CHANNELS, PURPOSES, WRITTEN_ON

EVENT, TRAIT, PROPERTY = Text("events"), Text("traits"), Text("properties")
#: What our messages can have come to, by the event that says so.
MESSAGES: Mapping[str, str] = {
    MESSAGE_SENT: "was sent",
    MESSAGE_DELIVERED: "arrived",
    MESSAGE_READ: "was opened or read",
    MESSAGE_CLICKED: "was clicked",
    MESSAGE_REPLIED: "was answered",
    MESSAGE_FAILED: "could not be delivered",
    MESSAGE_COMPLAINED: "was called spam",
    UNSUBSCRIBED: "was unsubscribed from",
}
_ADDRESS: Mapping[str, str] = {
    "address.country": "country",
    "address.state": "region",
    "address.city": "city",
    "address.postalCode": "postcode",
}
#: What each word of a choice is called; a word without a line is its own name.
WORDS: Mapping[str, str] = {
    **OPERATORS,
    **MESSAGES,
    **_ADDRESS,
    "all": "all of these",
    "any": "at least one of these",
    "otherwise": "by the customer's own time zone, else",
    "zone": "for everybody in",
    "total": "the total of",
    "largest": "the largest",
    "smallest": "the smallest",
    "average": "the average",
    "distinct": "the number of different",
    "count": "how many there are",
    "day": "today",
    "week": "this week",
    "month": "this month",
    "event": "in the last event",
    "trait": "in a trait",
    "yes": "yes or no",
    "datetime": "moment",
}


def _window(label: str = "Within the last") -> Field:
    return Field("within", label, Span(), needed=False, help="Leave it empty for ever.")


_WHERE = Slot("where", "With these properties", "property", needed=False)
_TIMES = (
    Field("at_least", "At least, times", Number(), needed=False),
    Field("at_most", "At most, times", Number(), needed=False),
)
_NARROWED = (
    Field("since_last", "Only since the last", EVENT, needed=False, aside=True,
          help="Another event: false for who never did it."),
    Field("period", "Only", Choice(("", "day", "week", "month")), ("period", "unit"), needed=False, aside=True),
    Field("period_zone", "By whose calendar", Zone(), ("period",), needed=False, aside=True),
    Field("hours_from", "From, o'clock", Text(), ("at_hours", "from"), needed=False, aside=True,
          help="Such as 20:00, with a time until."),
    Field("hours_to", "Until, o'clock", Text(), ("at_hours", "to"), needed=False, aside=True),
    Field("hours_zone", "By whose clock", Zone(), ("at_hours",), needed=False, aside=True),
    Field("days", "On these days", Weekdays(), ("on_days", "days"), needed=False, aside=True),
    Field("days_zone", "By whose week", Zone(), ("on_days",), needed=False, aside=True),
    Field("between", "From and until before", Ends(), needed=False, aside=True, help="Such as 2026-11-01 and 2026-12-01."),
)  # fmt: skip
_DID = (Field("did", "Event", EVENT), *_TIMES, _window(), _WHERE, *_NARROWED)
_NEXT = (Field("did", "Event", EVENT), _WHERE)
_EVENTS = (Field("did", "Event", EVENT), _window(), _WHERE, *_NARROWED)


def _followed(events: tuple[Field | Slot, ...], word: str, label: str) -> tuple[Field | Slot, ...]:
    return (
        *events,
        Slot(word, label, "next", "one"),
        Field(f"{word}_within", "Within, of it", Span(), needed=False, help="How soon the other follows; empty: ever."),
    )


_POSITION = (
    Field("whose", "Where the position stands", Choice(("event", "trait")), begins={"": "event"}),
    Field("name", "Which event or trait", Text(), begins={"": "Location Updated"}),
    Field("age", "Not older than", Span(), needed=False, help="Of an event; leave it empty for ever."),
    Field("lat_name", "Name of its latitude", Text(), aside=True, begins={"": "lat"}),
    Field("lon_name", "Name of its longitude", Text(), aside=True, begins={"": "lon"}),
)


def _group(scope: Scope) -> Kind:
    parts = (Field("op", "Joined", Choice(("all", "any"))), Slot("rows", "Conditions", scope, "rows"))
    return Kind("group", "A group of conditions", parts, "Groups", flat=flat_group, deep=deep_group)


_JSON = Kind(
    "json", "A condition in JSON", (Field("json", "JSON", Json()),), "Groups", "What a form cannot draw is kept as it is."
)
_TRAIT, _PROPERTY = Field("trait", "Trait", TRAIT), Field("property", "Property", PROPERTY)
_COMPARED = Field("is", "Comparison", Compared())
_NUMBERS = Field("is", "Comparison", OF_NUMBERS)
_THEY_DID, _THEY_ARE, _WE_SENT = "What they did", "Who they are", "Our messages"
_SETS, _WHERE_ABOUTS, _SUMS = "Segments and lists", "Where they are", "Amounts and rankings"


def _outermost(word: str, title: str) -> Kind:
    return Kind(word, title, (Field(word, "Event", EVENT), _window("Only if within the last"), _WHERE), _THEY_DID)


def _origin(word: str, title: str) -> Kind:
    operators, kind = ASKED[word]
    asked = Field("is", "Comparison", Compared(operators, numbers=kind == "number"), (word,))
    return Kind(word, title, (_TRAIT, asked), _THEY_ARE)


def _dated(word: str, title: str, label: str) -> Kind:
    return Kind(word, title, (_TRAIT, Field(word, label, Span())), _THEY_ARE)


_AMOUNT = (
    Field("measure", "What is measured", Measure()),
    Slot("of", "Of which events", "events", "one"),
    Field("whole", "All lines of these events, not only those that meet the conditions", Flag(), needed=False),
)
_MESSAGE = (
    Field("did", "A message of ours", Choice(tuple(MESSAGES)), begins={"": MESSAGE_CLICKED}),
    Field("channel", "Channel", Choice(("", *WRITTEN_ON)), needed=False),
    Field("journey", "Journey", Text("journeys"), needed=False),
    Field("template", "Template", Text("templates"), needed=False),
    Field("purpose", "Purpose", Choice(("", *PURPOSES)), needed=False),
    *_TIMES,
    _window(),
    *_NARROWED,
)
_ITEM = Slot("any_item", "With these fields", "property")


def _two(name: str) -> Slot:
    return Slot(name, "These two amounts", "amount", "rows", exactly=2)


#: The kinds of each scope, in the order in which they are tried: the narrower ones first, JSON last.
KINDS: Mapping[Scope, tuple[Kind, ...]] = {
    "customer": (
        Kind("message", "What became of our messages", _MESSAGE, _WE_SENT, flat=flat_message, deep=deep_message),
        Kind("did", "Did something", _DID, _THEY_DID),
        Kind("then", "Did one thing and then another", _followed(_DID, "then", "And later"), _THEY_DID,
             flat=how_soon("then")[0], deep=how_soon("then")[1]),
        Kind("without", "Did one thing and then not another", _followed(_DID, "without", "And not later"), _THEY_DID,
             flat=how_soon("without")[0], deep=how_soon("without")[1]),
        _outermost("first", "The first time they did something"),
        _outermost("last", "The last time they did something"),
        Kind("address", "Lives in", (
            Field("trait", "What of the address", Choice(tuple(_ADDRESS)), begins={"": "address.city"}),
            Field("names", "One of these, a line each", Lines(),
                  help="As it was sent: countries are usually codes such as ES."),
        ), _THEY_ARE, flat=flat_address, deep=deep_address),
        Kind("trait", "A trait compared with something", (_TRAIT, _COMPARED), _THEY_ARE),
        Kind("age", "Age in years", (
            Field("age", "Trait with the date of birth", TRAIT), _NUMBERS,
            Field("zone", "By whose calendar", Zone(), aside=True),
        ), _THEY_ARE),
        Kind("anniversary", "Birthday, or another yearly return of a date", (
            _TRAIT,
            Field("within_days", "In how many days at most", Number(), ("anniversary", "within_days"), begins={"": "0"},
                  help="0 is today."),
            Field("zone", "By whose calendar", Zone(), ("anniversary",), aside=True),
        ), _THEY_ARE),
        _dated("within_next", "A date that is near", "Within the next"),
        _dated("within_last", "A date that has just passed", "Within the last"),
        _dated("said_within", "A trait that was said lately", "Within the last"),
        Kind("declared", "A trait that was not inferred", (_TRAIT, Field("declared", "", Always(value=True))), _THEY_ARE),
        _origin("source", "Who said a trait"),
        _origin("confidence", "How sure an inferred trait is"),
        Kind("items", "A list in a trait has an element", (_TRAIT, _ITEM), _THEY_ARE),
        Kind("reachable", "Can be reached", (Field("reachable", "Channel", Choice(CHANNELS)),), _WE_SENT),
        Kind("consented", "Has consented", (
            Field("consented", "Channel", Choice(CHANNELS)), Field("purpose", "Purpose", Choice(PURPOSES)),
        ), _WE_SENT),
        Kind("member_of", "Is in a segment", (Field("member_of", "Segment", Choice((), "segments")),), _SETS),
        Kind("listed", "Is on a list", (Field("listed", "List", Text("lists")),), _SETS),
        Kind("prediction", "A prediction is as high as", (
            Field("prediction", "Prediction", Choice((), "predictions")), Field("over", "From", Number()),
            Field("back_at", "Until it is below", Number(), needed=False, help="Empty: the same number."),
        ), _SETS),
        Kind("prediction is", "A prediction sorts into", (
            Field("prediction", "Prediction", Choice((), "predictions")), Field("is", "Kind", Text()),
        ), _SETS),
        Kind("customers", "Is one of these customers", (Field("customers", "User ids, a line each", Lines()),), _SETS),
        Kind("bucket", "A random share", (
            Field("bucket", "Per cent", Number()),
            Field("salt", "Name of the draw", Text(), help="The same name draws the same customers; another one draws anew."),
        ), _SETS),
        Kind("near", "Near a point", (
            Field("lat", "Latitude", Number(), ("near", "lat")), Field("lon", "Longitude", Number(), ("near", "lon")),
            Field("km", "Nearer than, km", Number(), ("near", "km")), *_POSITION,
        ), _WHERE_ABOUTS, flat=flat_position, deep=deep_position),
        Kind("inside", "Inside a shape on the map", (
            Field("inside", "Corners, a line each: latitude, longitude", Corners()), *_POSITION,
        ), _WHERE_ABOUTS, flat=flat_position, deep=deep_position),
        Kind("amount", "An amount over what they did", (*_AMOUNT, _NUMBERS), _SUMS),
        Kind("versus", "One amount against another", (
            _two("versus"), Field("is", "The first", Choice(tuple(MIRRORED))),
            Field("times", "Times the second", Number(), needed=False, help="Empty is once."),
        ), _SUMS),
        Kind("ratio", "One amount divided by another", (_two("ratio"), _NUMBERS), _SUMS),
        Kind("top", "Among the best", (
            Field("top", "Per cent", Number()), Slot("of", "Of those who did", "ranked", "one"),
            Field("total", "By the total of", PROPERTY, needed=False, help="Empty: by how often."),
            Field("every", "Ranked anew every", Span(), begins={"": "1", "unit": "days"}),
        ), _SUMS),
        Kind("score", "A score of several conditions", (
            Slot("score", "Rules", "rule", "rows"), Field("is", "Comparison", Compared(tuple(MIRRORED), numbers=True)),
        ), _SUMS),
        Kind("held", "Has been so for a while", (
            Slot("held", "These conditions", "customer"), Field("for", "For at least", Span()),
        ), "Groups"),
        _group("customer"),
        _JSON,
    ),
    "property": (
        Kind("property", "A property", (_PROPERTY, _COMPARED)),
        Kind("items", "A list has an element", (_PROPERTY, _ITEM)),
        _group("property"),
        _JSON,
    ),
    "events": (
        Kind("did", "Events", _EVENTS),
        Kind("then", "Events that others followed", _followed(_EVENTS, "then", "And later"),
             flat=how_soon("then")[0], deep=how_soon("then")[1]),
        Kind("without", "Events that no others followed", _followed(_EVENTS, "without", "And not later"),
             flat=how_soon("without")[0], deep=how_soon("without")[1]),
        _JSON,
    ),
    "next": (
        Kind("did", "Event", _NEXT),
        Kind("then", "An event that another followed", _followed(_NEXT, "then", "And later"),
             flat=how_soon("then")[0], deep=how_soon("then")[1]),
        Kind("without", "An event that no other followed", _followed(_NEXT, "without", "And not later"),
             flat=how_soon("without")[0], deep=how_soon("without")[1]),
        _JSON,
    ),
    "ranked": (Kind("did", "Events", (Field("did", "Event", EVENT), _window(), _WHERE)), _JSON),
    "amount": (Kind("amount", "An amount", _AMOUNT), _JSON),
    "rule": (
        Kind("rule", "A rule", (
            Field("points", "Points", Number(exact=True)), Slot("when", "If", "customer"), Field("why", "In words", Text()),
        )),
        _JSON,
    ),
}  # fmt: skip
#: Of what the opposite can be asked.
DENIABLE: frozenset[Scope] = frozenset({"customer", "property"})
#: With what a new row begins.
FIRST: Mapping[Scope, str] = {"customer": "did"}


def kind_of(scope: Scope, name: str) -> Kind:
    """A kind by its name; of a name that nobody knows, the one with which a new row begins."""
    known = {each.name: each for each in KINDS[scope]}
    return known.get(name) or known[FIRST.get(scope, KINDS[scope][0].name)]


def headed(scope: Scope) -> dict[str, list[Kind]]:
    """The kinds of a scope under their headings."""
    found: dict[str, list[Kind]] = {}
    for each in KINDS[scope]:
        found.setdefault(each.heading, []).append(each)
    return found
