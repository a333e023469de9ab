"""A channel is one row: what else names channels agrees with the rows, and what a row names is there."""

import inspect
import re
from pathlib import Path

from activities.channels import base
from activities.channels.kinds import KINDS, Bounce, WayOut, addressed, of_address, sending
from activities.templates import load_templates
from api.profiles.suppressions import Named
from journeys.contracts import Channel
from journeys.handle import Journey
from segments import messaged, unsubscribed
from segments.leaves.reach import CHANNELS, WRITTEN_ON
from store.addresses import AddressKind
from workers.cli.suppressions import On
from workers.demo import words
from workers.sandbox.messages import Provider
from workers.settings import Settings

_ROOT = Path(__file__).parents[2]
_DOCS = (_ROOT / "docs" / "channels.md").read_text()
_SEVERAL = re.compile(r"channel (?:not )?in \(([^()]*)\)")
_TRAITS = re.compile(r"\('(\w+)', '(email|phone)'\)")


def test_segments_know_every_channel_that_has_addresses() -> None:
    assert set(CHANNELS) == {kind.name for kind in addressed()}


def test_segments_can_ask_for_messages_on_every_channel_that_sends() -> None:
    assert set(WRITTEN_ON) == {kind.name for kind in sending()}
    for channel in WRITTEN_ON:
        for asked in (messaged(channel=channel).clicked(), unsubscribed(channel)):
            assert channel in str(asked)


def test_journeys_know_every_channel_that_sends() -> None:
    names = {kind.name for kind in sending()}
    assert names == set(Channel) == set(words.CHANNELS)
    assert names <= {name for name, _ in inspect.getmembers(Journey, inspect.iscoroutinefunction)}
    named = {kind.name for kind in addressed()}
    assert {*Named.model_json_schema()["properties"]["channel"]["enum"]} == named == set(On), "only an address is suppressed"


def test_sql_that_names_several_channels_names_all_of_their_kind() -> None:
    """The store knows no rows: those that are reached by number, and those whose addresses are devices, stand in its SQL."""
    sql = "".join(file.read_text() for file in sorted((_ROOT / "store" / "queries").glob("*.sql")))
    by = {address: frozenset(kind.name for kind in of_address(address)) for address in AddressKind}
    named = [frozenset(re.findall(r"\w+", names)) for names in _SEVERAL.findall(sql)]
    assert len(named) > 5
    assert set(named) == {by[AddressKind.PHONE], by[AddressKind.TOKEN] | by[AddressKind.BROWSER]}
    held = {"email": AddressKind.EMAIL, "phone": AddressKind.PHONE}
    traits = {(kind.name, trait) for trait, address in held.items() for kind in of_address(address)}
    assert set(_TRAITS.findall(sql)) == traits, "what replaces an address reads the trait that it comes from"


def test_the_documents_list_every_type_of_subscription_and_every_template_file() -> None:
    ingest = (_ROOT / "docs" / "ingest.md").read_text()
    listed = set(re.findall(r"^\| `([A-Z_]+)` \| (\w+) \|", ingest, re.MULTILINE))
    assert listed == {(type_, kind.name) for kind in KINDS.values() for type_ in kind.subscriptions}
    named = _DOCS.partition("## Templates")[2]
    for kind in sending():
        assert kind.template is not None
        assert f"`<name>{kind.template.suffix}`" in named


def test_what_sends_is_written_and_carried() -> None:
    for kind in sending():
        assert kind.template is not None
        assert callable(kind.template.kind.read)
        carriers = kind.carriers(Settings(_env_file=None))
        if carriers is not None and carriers.all[0].by_settling:
            continue  # it is our own
        assert {each.name for each in kind.provider_classes} <= set(Provider), "the sandbox speaks their protocols"
        assert carriers is None, "nothing is set"


def test_marketing_by_a_channel_that_is_left_by_a_link_is_asked_for_one() -> None:
    for kind in sending():
        assert kind.template is not None
        assert ("leads_out" in dir(kind.template.kind)) is (kind.way_out is WayOut.LINK)


def test_each_provider_has_all_that_is_asked_of_one() -> None:
    """A row names its providers by text, where no type checker looks."""
    asked = {name for name in vars(base.Provider) if not name.startswith("_")} - {"connections"}  # given when one is made
    assert {"ready", "idempotent", "forgets_after", "tells_within", "by_settling", "follow", "number"} <= asked
    lacking = {each.name: asked - set(dir(each)) for kind in sending() for each in kind.provider_classes}
    assert {name: lacks for name, lacks in lacking.items() if lacks} == {}


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
