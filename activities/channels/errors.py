"""What can go wrong between us and a provider, told apart by what has to happen next.

ChannelError
├── TryLater       certainly not accepted; the same message may go later
│   └── NoConnection   there is no way to the provider at all
├── Ambiguous      may have been accepted; only the ledger's rule for doubt decides
├── Refused        certainly not accepted, and never will be
│   ├── Forbidden      its address is inside, where no request goes
│   └── Unable         not by this provider, for a reason of its own or of our account; another one may take it
└── EndpointGone   this address is dead: mark it invalid and try the customer's next one

Misconfigured, a ValueError, is of the settings: no provider can be made of them as they are.

Promise: a `detail` holds codes and setting names, never an address or a text, because workflow histories keep it. For
the same reason a provider library's own exception is never the `__cause__` of one of these (SMTP's name the
recipient).
"""

from datetime import datetime, timedelta


class ChannelError(Exception):
    """The provider did not say yes."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class TryLater(ChannelError):
    """Certainly not accepted; `retry_after` is real time asked for by the provider, if it asked.

    `theirs`: because of this recipient, so that it says nothing of the provider.
    """

    def __init__(self, detail: str, retry_after: timedelta | None = None, *, theirs: bool = False) -> None:
        super().__init__(detail)
        self.retry_after, self.theirs = retry_after, theirs


class NoConnection(TryLater):
    """There is no way to the provider: nobody listens, or nothing gets through."""


class Ambiguous(ChannelError):
    """The request was written and no answer came, so that it may have been accepted."""


class Refused(ChannelError):
    """The provider will never take this message."""


class Forbidden(Refused):
    """The address is inside, where no request of ours goes."""


class Unable(Refused):
    """This provider will never take this message; another one may."""


class EndpointGone(ChannelError):
    """The address does not exist any more; `since` when (real time), where the provider says: one registered later is alive."""

    def __init__(self, detail: str, since: datetime | None = None) -> None:
        super().__init__(detail)
        self.since = since


class Misconfigured(ValueError):
    """A provider cannot be made of the settings as they are: says which of them it is, and what it has to be."""
