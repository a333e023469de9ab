"""The handle as authors get it: every word of a journey."""

from journeys.handle.asking import Asking
from journeys.handle.base import EntryModel
from journeys.handle.calling import Calling
from journeys.handle.conversing import Conversing
from journeys.handle.deciding import Deciding
from journeys.handle.together import Together


class Journey(Conversing[EntryModel], Together[EntryModel], Asking[EntryModel], Deciding[EntryModel], Calling[EntryModel]):
    """What a journey's author works with. Every effect goes through here.

    `Journey[Answer]` says what is known of the entering event: a pydantic model of its properties, for `j.entry`.
    """
