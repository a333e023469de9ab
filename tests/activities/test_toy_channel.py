"""A channel is one row and two files: with a toy's row in the place of push nothing else changes, and it delivers."""

from pathlib import Path
from typing import cast

import pytest

from activities.channels.kinds import KINDS, Kind, Template
from journeys.contracts import Channel
from store import Database
from store.addresses import AddressKind
from tests.activities.test_deliver import finish, states
from tests.toy.bottle import Sea
from workers.testing.shop import open_shop

_TOY = Kind(
    name="push",
    address=AddressKind.NONE,
    template=Template(".push.yaml", "tests.toy.paper:PaperTemplate"),
    providers=("tests.toy.bottle:Sea",),
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "push", _TOY)


@pytest.mark.usefixtures("toy")
async def test_a_row_and_two_files_are_a_channel(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> None:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue") as trial:
        sea = cast("Sea", trial.parts.carriers[Channel.PUSH].all[0])
        await trial.signs_up("ana", channels=())  # no consent: none is asked for
        messages = await finish(trial, "by_choice")
        assert states(messages) == [("push", "sent", None)]
        run = await trial.run("by_choice")
        [(who, words)] = sea.found
        assert who == str(run.profile_id), "without an address the customer is theirs"
        assert words == (Path(__file__).parents[1] / "trial_catalogue" / "note.push.yaml").read_text()
        assert trial.sandbox.messages == []
