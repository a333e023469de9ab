"""The operator's switch in the kit's words; also with `--journeys-on temporal`."""

from workers.testing import Rehearsal


def test_a_paused_journey_is_not_started_and_a_killed_one_is_over(shop: Rehearsal) -> None:
    ana, bea = shop.customer("Ana María"), shop.customer("bea")
    shop.starts("weekly", ana)
    shop.pauses("weekly")
    shop.starts("weekly", bea)
    assert bea.was_refused("weekly", because="journey paused")
    shop.kills("weekly")
    assert ana.left("weekly", because="journey killed")
    assert ana.inbox == ["push:note"]
    shop.passes(minutes=1)
    shop.resumes("weekly")
    shop.starts("weekly", bea)
    assert bea.got("push:note")
