"""A template of WhatsApp's in a test: how it stands with Meta, which the gate asks before each message made of it."""

from workers.testing.seen import Stage


class Approval:
    """A template, in all its languages. Meta has said nothing of it, and messages go, until it is told to."""

    def __init__(self, stage: Stage, template: str) -> None:
        self._stage = stage
        self._template = template

    def is_approved(self, *, category: str | None = None) -> None:
        """It may be sent (again); perhaps in another category: `marketing`, `utility`, `authentication`."""
        self._stands("APPROVED", category)

    def is_paused(self) -> None:
        """Meta pauses it, after complaints: messages wait."""
        self._stands("PAUSED")

    def is_pending(self) -> None:
        """Meta has not decided yet: messages wait."""
        self._stands("PENDING")

    def is_rejected(self) -> None:
        """Meta rejects it: messages fail."""
        self._stands("REJECTED")

    def is_disabled(self) -> None:
        """Meta takes it away for good: messages fail."""
        self._stands("DISABLED")

    def _stands(self, status: str, category: str | None = None) -> None:
        self._stage.template(self._template, status, category.upper() if category else None)
