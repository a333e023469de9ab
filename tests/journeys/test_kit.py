"""The kit in an author's hands: what a shop says where a test expected something else."""

import pytest

from workers.testing.shop import Shop


async def test_where_a_run_was_expected_the_shop_says_who_was_refused(trial: Shop) -> None:
    with pytest.raises(AssertionError, match=r"^nobody is in each_cart$"):
        await trial.run("each_cart")
    await trial.signs_up("ana")
    await trial.does("ana", "Cart Updated", cart="c-1")  # not cart_id
    await trial.look()
    with pytest.raises(AssertionError, match=r"^nobody is in each_cart; refused: no entry key \(1\)$"):
        await trial.run("each_cart")
    for cart in ("c-1", "c-2"):
        await trial.does("ana", "Cart Updated", cart_id=cart)
        await trial.look()
    with pytest.raises(AssertionError, match=r"^2 runs are in each_cart; refused: no entry key \(1\)$"):
        await trial.run("each_cart")
