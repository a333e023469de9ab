"""The handle `j`: all that a journey can do, over whichever runtime runs it; a file for each kind of word."""

from journeys.handle.asking import Around
from journeys.handle.base import ENDING, Params, RunEnded, Runtime
from journeys.handle.calling import Fetched
from journeys.handle.conversing import Answered
from journeys.handle.deciding import Decided
from journeys.handle.journey import Journey
from journeys.handle.messages import check_message
from journeys.handle.waiting import Answer, Awaited

__all__ = [
    "ENDING",
    "Answer",
    "Answered",
    "Around",
    "Awaited",
    "Decided",
    "Fetched",
    "Journey",
    "Params",
    "RunEnded",
    "Runtime",
    "check_message",
]
