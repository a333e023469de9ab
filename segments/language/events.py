"""Our own names among the events, and among the marks that say what changed of a customer; SQL writes some of them out.

Promise: no other module spells one. What begins with `$` is ours, and nobody else may send a list's.
"""

from datetime import timedelta

#: The calls of Segment's spec that are no `track`, as events. The first is also what a `dirty` mark carries when traits changed
#: (by a merge, too).
TRAITS_CHANGED = "$identify"
GROUPED = "$group"
ALIASED = "$alias"
PAGE_VIEWED = "Page Viewed"
SCREEN_VIEWED = "Screen Viewed"

#: What the type of a list's events begins with; nobody but us may send them.
LIST_EVENT = "$list:"
#: What the type of the events begins with that say whose score crossed a threshold of a prediction.
CROSSED_EVENT = "$crossed:"

#: What a `dirty` mark carries when a consent, an address or a user id changed (the schema's triggers write it).
CONSENT_CHANGED = "$consent"
ENDPOINT_CHANGED = "$endpoint"
NAME_CHANGED = "$name"
#: With a segment's name behind it: marks that were kept while the segment was loaded. They concern it always, because who is in
#: was not yet known when they came.
LOADED = "$loaded:"

#: What the source of events begins with that were brought in as history (`POST /v1/history`): whoever did so claims that each
#: was known when it happened. When we received it stands in the event as of all others; nobody else's source begins so.
HISTORY = "history:"

#: Ingest lets events be dated this far ahead (clocks differ). An order that we hold has been made, whatever its clock says.
AHEAD = timedelta(minutes=5)

#: What became of our messages, and of the consent to them.
MESSAGE_SENT = "Message Sent"
MESSAGE_DELIVERED = "Message Delivered"
MESSAGE_READ = "Message Read"
MESSAGE_CLICKED = "Message Clicked"
MESSAGE_CLOSED = "Message Closed"
MESSAGE_REPLIED = "Message Replied"
MESSAGE_FAILED = "Message Failed"
MESSAGE_COMPLAINED = "Message Complained"
UNSUBSCRIBED = "Unsubscribed"
CONFIRMED = "Subscription Confirmed"
#: A pass of ours is on another device, or on one less.
PASS_ADDED = "Pass Added"  # noqa: S105 - no password
PASS_REMOVED = "Pass Removed"  # noqa: S105 - as above
#: What visitors did with content in places of a page.
CONTENT_SHOWN = "Content Shown"
CONTENT_CLICKED = "Content Clicked"
CONTENT_DISMISSED = "Content Dismissed"
#: What became of products that customers looked at, and when they are expected to buy again (docs/products.md).
PRICE_DROPPED = "Product Price Dropped"
BACK_IN_STOCK = "Product Back In Stock"
REPLENISHMENT_DUE = "Replenishment Due"
PURCHASE_DUE = "Next Purchase Due"
OURS = frozenset(
    {
        *(MESSAGE_SENT, MESSAGE_DELIVERED, MESSAGE_READ, MESSAGE_CLICKED, MESSAGE_CLOSED, MESSAGE_REPLIED),
        *(MESSAGE_FAILED, MESSAGE_COMPLAINED, UNSUBSCRIBED, CONFIRMED, CONTENT_SHOWN, CONTENT_CLICKED, CONTENT_DISMISSED),
        *(PASS_ADDED, PASS_REMOVED, PRICE_DROPPED, BACK_IN_STOCK, REPLENISHMENT_DUE, PURCHASE_DUE),
    }
)
