"""What journeys, their simulator and the kit say of channels and doubts is what rows say; the first two may import none."""

from activities.channels.kinds import Bounce, WayOut, addressed, of_address, sending
from activities.deliver.doubt import COPIES, Doubt
from journeys.contracts import Purpose
from journeys.handle import conversing
from journeys.simulate import customers, delivery
from journeys.simulate.providers import Kind
from store.addresses import AddressKind
from workers.sandbox.faults import FAULTS as STRUCK
from workers.sandbox.messages import Provider
from workers.testing import people, served, simulated


def test_of_channels() -> None:
    assert {kind.channel for kind in sending() if kind.bounce is Bounce.SUPPRESSED} == delivery.SUPPRESSES
    assert {kind.opt_in for kind in addressed()} == {delivery.OPT_IN}
    assert {kind.channel for kind in sending() if kind not in addressed()} == customers.WITHOUT_ADDRESS
    assert {kind.opt_in for kind in sending() if kind not in addressed()} == {frozenset()}
    assert {kind.channel for kind in of_address(AddressKind.PHONE)} == set(customers.BY_PHONE)
    assert {kind.channel for kind in sending() if kind.legal_hours} == delivery.LEGAL_HOURS
    told = {kind.channel: kind.provider_classes[0].tells_within for kind in sending()}
    assert {channel: within for channel, within in told.items() if within} == delivery.TELLS_WITHIN


def test_customers_answer_where_they_can_say_stop() -> None:
    assert {kind.channel for kind in sending() if kind.way_out is WayOut.STOP} == set(conversing.ANSWERED)


def test_each_address_can_be_refused_and_die_on_real_servers() -> None:
    kinds = [Kind.REFUSED, Kind.LATER, Kind.SILENT, Kind.GONE]
    assert set(served.FAULTS) == {(channel.channel, kind) for channel in addressed() for kind in kinds}
    assert {kind.channel for kind in addressed()} == set(served.PROVIDERS)
    assert [
        (on, fault) for (on, _), fault in served.FAULTS.items() if fault not in STRUCK[Provider(served.PROVIDERS[on])]
    ] == []


def test_the_kit_knows_where_each_channel_reaches_people() -> None:
    assert {kind.name: list(kind.subscriptions)[-1] for kind in sending()} == people.SUBSCRIPTIONS
    devices = [kind.channel for held in (AddressKind.TOKEN, AddressKind.BROWSER) for kind in of_address(held)]
    assert list(simulated.REGISTERS) == devices
    traits = (("email", AddressKind.EMAIL), ("phone", AddressKind.PHONE))
    assert list(simulated.ADDRESSES) == [(trait, kind.channel) for trait, held in traits for kind in of_address(held)]


def test_of_doubts() -> None:
    assert delivery.COPIES == COPIES
    pauses = [Doubt().pause_after(copies, delivery.DOUBT * 0) for copies in range(1, COPIES)]
    assert [delivery.pause_after(copies) for copies in range(1, COPIES)] == pauses
    assert Purpose.TRANSACTIONAL not in delivery.OPT_IN
