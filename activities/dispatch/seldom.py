"""What would be said at every tick, said once a minute of each run."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Seldom:
    """Remembers of whom it was said within the span, and forgets the others."""

    per: timedelta = timedelta(minutes=1)
    _said: dict[UUID, datetime] = field(default_factory=dict)

    def is_due(self, whom: UUID, now: datetime) -> bool:
        """Whether it is to be said of somebody now; then it has been."""
        if now - self._said.get(whom, _NEVER) < self.per:
            return False
        self._said = {each: at for each, at in self._said.items() if now - at < self.per} | {whom: now}
        return True
