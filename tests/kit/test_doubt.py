"""Receipts in doubt, in the kit's words; also with `--journeys-on temporal`."""

from datetime import timedelta

from workers.testing import Rehearsal


def test_a_receipt_in_doubt_goes_again_and_again_and_five_times_at_most(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana"), shop.customer("bea")
    shop.provider("email").keeps_silent(to=ana, times=3)
    shop.provider("email").keeps_silent(to=bea, times=5)
    for who in (ana, bea):
        shop.starts("urgent", who)
    shop.passes(minutes=9)
    assert ana.waits("urgent")
    shop.passes(hours=1)
    assert ana.got("email:note", at=shop.now - timedelta(minutes=69) + timedelta(minutes=10, seconds=30))
    assert bea.missed("email:note", because="provider may have accepted it")
    assert bea.left("urgent", "finished")
