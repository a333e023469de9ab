"""What can go wrong with the embedded stack; each message is one sentence that says what to do.

EmbeddedError
├── BinaryMissing     a server's program is neither on the machine nor in a wheel
├── ServerFailed      a server did not start, or died while starting
├── SettingUnusable   a configured address is wrong or nobody answers there
└── AlreadyRunning    another stack holds the data directory
"""


class EmbeddedError(Exception):
    """The embedded stack cannot do what was asked."""


class BinaryMissing(EmbeddedError):
    """A server's program is neither on the machine nor in a wheel."""


class ServerFailed(EmbeddedError):
    """A server did not start."""


class SettingUnusable(EmbeddedError):
    """A configured address is wrong, or nobody answers there."""


class AlreadyRunning(EmbeddedError):
    """Another stack holds the data directory."""
