"""What the simulator says of channels and doubts is what their rows and rules say: it may not import them."""

from activities.channels.kinds import Bounce, addressed, sending
from activities.deliver.doubt import COPIES, Doubt
from journeys.contracts import Purpose
from journeys.simulate import customers, delivery


def test_of_channels() -> None:
    assert {kind.channel for kind in sending() if kind.bounce is Bounce.SUPPRESSED} == delivery.SUPPRESSES
    assert {kind.opt_in for kind in addressed()} == {delivery.OPT_IN}
    assert {kind.channel for kind in sending() if kind not in addressed()} == customers.WITHOUT_ADDRESS
    assert {kind.opt_in for kind in sending() if kind not in addressed()} == {frozenset()}
    assert {kind.channel for kind in sending() if kind.legal_hours} == delivery.LEGAL_HOURS
    told = {kind.channel: kind.provider_classes[0].tells_within for kind in sending()}
    assert {channel: within for channel, within in told.items() if within} == delivery.TELLS_WITHIN


def test_of_doubts() -> None:
    assert delivery.COPIES == COPIES
    pauses = [Doubt().pause_after(copies, delivery.DOUBT * 0) for copies in range(1, COPIES)]
    assert [delivery.pause_after(copies) for copies in range(1, COPIES)] == pauses
    assert Purpose.TRANSACTIONAL not in delivery.OPT_IN
