"""How well messages arrive, by channel and provider, and where complaints are near what mailbox providers bear."""

from collections.abc import Collection

from store.database import Database
from store.reports import counting
from store.reports.counting import LABELS, Group
from store.reports.messages import DAYS
from store.reports.report import Asked, Cell, Chart, Column, Drawn, Report, Table, Unit, counted, share

#: Complaints of delivered messages from which on somebody should look, and from which on nothing more should be sent.
WARN, STOP = 0.001, 0.003
_BY = ("channel", "provider")
_COLUMNS = (
    LABELS["channel"],
    LABELS["provider"],
    Column("sent", Unit.COUNT, "Messages that this provider took, also where they came back later."),
    Column("delivered", Unit.COUNT, "Messages of which it tells that they arrived.", aside=True),
    Column("delivery_rate", Unit.SHARE, "Delivered / sent messages; unknown where it tells nothing of arrival."),
    Column("bounce_rate_hard", Unit.SHARE, "Messages that came back for good / sent messages."),
    Column("bounce_rate_soft", Unit.SHARE, "Messages that came back for now / sent messages."),
    Column("bounce_rate_unsaid", Unit.SHARE, "Messages that came back, nobody says how / sent messages.", aside=True),
    Column("refused", Unit.COUNT, "Messages that it refused, or could not be handed over in time.", aside=True),
    Column("unconfirmed", Unit.COUNT, "Messages of which nobody knows whether it has them.", aside=True),
    Column("unsubscribe_rate", Unit.SHARE, "Messages after which somebody unsubscribed / delivered messages."),
    Column("complained", Unit.COUNT, "Messages that were reported as unwanted.", aside=True),
    Column("complaint_rate", Unit.SHARE, "Messages reported as unwanted / delivered messages."),
    Column("state", Unit.TEXT, "stop: complaints from 0.3 % on; warn: from 0.1 % on; ok: below; unknown: nobody tells."),
)
_RULES = (
    counting.ON_ITS_DAY,
    "Complaints: warn from 0.1 % of delivered messages on, stop from 0.3 % on, as Gmail asks of senders.",
    "Bounces are of sent messages: of every one that a provider took.",
)
_NO_DOMAIN = (
    "Domains of recipients are not told apart: neither the sums nor the ledger keep an address, so that none can leave by a"
    " report. What a mailbox provider says of your domain stands in its own console."
)


async def deliverability(database: Database, asked: Asked, *, silent: Collection[str]) -> Report:
    """The report; `silent` are the providers that tell nobody whether a message arrived."""
    since = asked.begins(DAYS)
    groups = await counting.counted(database, since, asked.ends, asked.journey, _BY, silent)
    groups = [group for group in groups if group.labels[1]]
    rows = tuple((*group.labels, *_cells(group)) for group in groups)
    charts = (
        Chart(Drawn.BARS, "Complaints of delivered messages", _BY, ("complaint_rate",)),
        Chart(Drawn.BARS, "Bounces of sent messages", _BY, ("bounce_rate_hard", "bounce_rate_soft")),
    )
    table = Table("deliverability", "Providers by channel", _COLUMNS, rows, charts)
    return Report(
        "deliverability",
        "Deliverability",
        _RULES,
        since,
        asked.ends,
        (table,),
        tuple(sentence for group in groups if (sentence := _alarm(group))),
        (*counting.untold(groups, silent), _NO_DOMAIN),
    )


def _cells(group: Group) -> tuple[Cell, ...]:
    sent = group.n("sent")
    bounces = (share(group.n("bounced", how), sent) for how in ("hard", "soft", ""))
    return (
        sent,
        group.n("delivered"),
        share(group.told("delivered"), group.told("sent")),
        *bounces,
        group.n("failed"),
        group.n("unconfirmed"),
        group.by_delivered("unsubscribed"),
        group.n("complained"),
        group.by_delivered("complained"),
        _state(group),
    )


def _state(group: Group) -> str:
    rate = group.by_delivered("complained")
    if rate is None:
        return "unknown"
    return "stop" if rate >= STOP else "warn" if rate >= WARN else "ok"


def _alarm(group: Group) -> str:
    channel, provider = group.labels
    seen = f"{group.told('complained'):,} of {counted(group.told('delivered'), 'delivered message')} were complained of"
    match _state(group):
        case "stop":
            return f"Stop {channel} by {provider}: {seen}, which is 0.3 % or more."
        case "warn":
            return f"Look at {channel} by {provider}: {seen}, which is 0.1 % or more."
    return ""
