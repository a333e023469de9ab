"""The simulator: journeys over customers, events and time in one process, on a clock that only tests turn.

Promise: the same handle, gate, rules of entry and lots as on Temporal; no I/O and no clock of its own, so that a year takes
milliseconds and the same input gives the same answer.
"""

from journeys.simulate.admission import Refused
from journeys.simulate.backcast import Backcast, Call
from journeys.simulate.customers import Address, Customer
from journeys.simulate.errors import SimulationError
from journeys.simulate.messages import Message
from journeys.simulate.providers import Answer, Providers
from journeys.simulate.run import Run
from journeys.simulate.tally import Tally, tally
from journeys.simulate.world import World

__all__ = [
    "Address",
    "Answer",
    "Backcast",
    "Call",
    "Customer",
    "Message",
    "Providers",
    "Refused",
    "Run",
    "SimulationError",
    "Tally",
    "World",
    "tally",
]
