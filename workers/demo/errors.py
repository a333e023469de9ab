"""What can go wrong with the demo.

DemoError
├── DemoStuck   calls could not be sent, or the journeys did not end in time
└── DemoOff     it ran to its end, but its figures are not as they must be
"""


class DemoError(Exception):
    """The demo cannot go on, or its result cannot be trusted."""


class DemoStuck(DemoError):
    """Calls could not be sent, or the journeys did not end in time."""


class DemoOff(DemoError):
    """It ran to its end, but its figures are not as they must be."""
