"""A channel is one row: what else names channels agrees with the rows, and what a row names is there."""

import inspect
from pathlib import Path

from activities.channels.kinds import Bounce, WayOut, addressed, sending
from activities.templates import load_templates
from api.profiles.suppressions import Named
from journeys.contracts import Channel
from journeys.handle import Journey
from segments.leaves.reach import CHANNELS
from workers.cli.suppressions import On
from workers.demo import words
from workers.sandbox.messages import Provider
from workers.settings import Settings

_DOCS = (Path(__file__).parents[2] / "docs" / "channels.md").read_text()


def test_segments_know_every_channel_that_has_addresses() -> None:
    assert set(CHANNELS) == {kind.name for kind in addressed()}


def test_journeys_know_every_channel_that_sends() -> None:
    names = {kind.name for kind in sending()}
    assert names == set(Channel) == set(words.CHANNELS)
    assert names <= {name for name, _ in inspect.getmembers(Journey, inspect.iscoroutinefunction)}
    named = {kind.name for kind in addressed()}
    assert {*Named.model_json_schema()["properties"]["channel"]["enum"]} == named == set(On), "only an address is suppressed"


def test_what_sends_is_written_and_carried() -> None:
    for kind in sending():
        assert kind.template is not None
        assert callable(kind.template.kind.read)
        carriers = kind.carriers(Settings(_env_file=None))
        if carriers is not None and carriers.all[0].by_settling:
            continue  # it is our own
        assert {each.name for each in kind.provider_classes} <= set(Provider), "the sandbox speaks their protocols"
        assert carriers is None, "nothing is set"


def test_the_catalogue_has_templates_of_every_kind() -> None:
    import definitions

    assert {channel for channel, _ in load_templates(definitions).found} == set(Channel)


def test_the_documentation_shows_the_rows() -> None:
    for kind in sending():
        modules = [provider.partition(":")[0].replace(".", "/") for provider in kind.providers]
        out = {WayOut.LINK: "unsubscribe link", WayOut.STOP: "STOP", WayOut.NONE: "none"}[kind.way_out]
        dead = {Bounce.DEAD: "dead", Bounce.SUPPRESSED: "suppressed", Bounce.NOTHING: "nothing"}[kind.bounce]
        patience = f"{kind.patience.total_seconds() / 60:.0f} min"
        assert kind.template
        assert f"| {kind.name} | {kind.address} | `{kind.template.suffix}` | {dead} | {out} | {patience} |" in _DOCS
        assert all(f"`{module}.py`" in _DOCS for module in modules)
