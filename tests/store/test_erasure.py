"""What an erasure takes account of: every table there is, and what can be recognised in what has no customer of its own."""

import json
import re
import unicodedata
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import orjson
import pytest

from store import Database
from store.customers.erasure import DEAD_LETTERS, EMPTIED, REMOVED
from store.customers.traces import Traces
from store.named import queries

#: Tables that hold nobody, or nothing of them besides the id of an empty profile, each with why.
NOBODY = {
    "api_key": "keys of programs",
    "api_key_used": "instants of keys",
    "context_answer": "what it was like at places, as coarse as declared; who is there stands nowhere",
    "derived_trait": "definitions",
    "doubt_said": "which message an operator spoke of, by its run",
    "event_dedupe": "message ids, so that a repeated call brings nothing back",
    "suppression": "keyed digests, which give no address back",
    "retention": "counts",
    "suppression_lifted": "keyed digests, which give no address back",
    "segment": "definitions",
    "segment_definition": "definitions",
    "customer_list": "lists; who is on one is told by events",
    "list_snapshot": "definitions",
    "campaign": "what is sent, and counts",
    "campaign_problem": "what is wrong with a row, never what stands in it",
    "list_import": "counts",
    "list_import_problem": "what is wrong with a row, never what stands in it",
    "segment_threshold": "amounts",
    "segment_progress": "instants",
    "segment_size": "counts",
    "segment_backfill": "counts",
    "catalogue_version": "code",
    "choice": "what is declared",
    "choice_state": "switches",
    "choice_allocation": "sums",
    "choice_spent": "counts",
    "hold": "instants of a run",
    "journey_control": "switches",
    "budget_spent": "sums",
    "budget_change": "sums",
    "population_hours": "sums",
    "message_change": "instants and reasons of a message, without its run",
    "daily_sum": "sums",
    "spanned_sum": "sums",
    "message_day": "sums",
    "kept_sum": "sums",
    "value_horizon": "an instant",
    "conversion": "rules",
    "experiment": "plans",
    "experiment_decision": "sums",
    "experiment_standing": "sums",
    "conversion_type": "names of events",
    "sum_difference": "sums",
    "export_hour": "how many rows an hour has",
    "export_stale": "which hours are written anew, some for an erasure",
    "product": "what is for sale",
    "provider_limit": "settings",
    "subscription": "settings",
    "source": "counts and instants",
    "audience": "counts and instants",
    "prediction": "how predictions stand",
    "prediction_declaration": "definitions",
    "prediction_model": "numbers that are of nobody, and sums",
    "prediction_outcome": "sums",
    "prediction_trial": "how trials of models stand",
    "prediction_trial_outcome": "sums",
    "provider_pace": "counts",
    "provider_stopped": "which provider a worker does not use",
    "provider_use": "counts",
    "wallet_picture": "pictures of templates",
    "whatsapp_template": "how templates stand at Meta",
    "product_relation": "what is for sale, and counts",
    "product_change": "what is for sale, and the id of who was told last",
    "product_round": "counts and instants",
    "migration": "files",
}


async def test_every_table_is_accounted_for(database: Database) -> None:
    """A new table says whether an erasure removes its rows, empties them, or finds nobody in it."""
    rows = await database.pool.fetch(
        "select relname from pg_class"
        " where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace and not relispartition"
    )
    known = {*REMOVED, *EMPTIED, DEAD_LETTERS, *NOBODY, "profile", "erasure"}
    assert {row["relname"] for row in rows} == known


ANA = Traces.of({"names": ["41", "a-device-of-hers"], "addresses": ["ana@shop.example", "+34600000001"]})


@pytest.mark.parametrize(
    ("item", "hers"),
    [
        ({"userId": "41"}, True),
        ({"userId": 41}, True),
        ({"user_id": "41"}, True),
        ({"previousId": "41"}, True),
        ({"userId": "42", "properties": {"quantity": 41, "price": "41"}}, False),
        ({"properties": {"device": "a-device-of-hers"}}, True),
        ({"traits": {"email": "Ana@Shop.Example"}}, True),
        ({"context": {"messaging_subscriptions": [{"key": "mailto:ana@shop.example"}]}}, True),
        ({"traits": {"ana@shop.example": 1}}, True),
        ({"traits": {"phone": "0034 600 000 001"}}, True),
        ({"traits": {"phone": "600-000-002"}}, False),
        ({"traits": {"email": "diana@shop.exam"}}, False),
        ({"traits": {"phone": "".join(chr(0x0660 + int(digit)) for digit in "600000001")}}, True),
        ({"userId": "a-device-of-he\N{COMBINING ACUTE ACCENT}rs"}, False),
    ],
)
def test_a_dead_letter_is_recognised(item: dict[str, object], hers: bool) -> None:
    assert ANA.are_in(orjson.dumps(item).decode()) is hers


@pytest.mark.parametrize(("item", "hers"), [('{"userId": "41", ', True), ('{"userId": 41', False), ("ana@shop.example", True)])
def test_what_is_no_json_is_read_as_a_text(item: str, hers: bool) -> None:
    assert ANA.are_in(item) is hers


ZOE = "zoe@español.example"
ALSO_ZOE = Traces.of(
    {
        "names": ["zoé"],
        "addresses": ["zoe@xn--espaol-zwa.example", "pia@xn--fa-hia.example", '{"endpoint":"https://push.example/T1"}'],
    }
)
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "capitals": str.upper,
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "percent": lambda text: f"https://shop.example/?email={quote(text)}&x=1",
    "percent, every letter": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "html": lambda text: text.replace("@", "&#64;").replace("ñ", "&ntilde;").replace(".", "&#x2E;"),
    "json": lambda text: json.dumps({"b": text}),
    "json, every letter": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
    "base64": lambda text: f"https://shop.example/u?e={b64encode(text.encode()).decode()}",
    "base64url in a path": lambda text: f"/u/{urlsafe_b64encode(text.encode()).decode().rstrip('=')}/leave",
}


@pytest.mark.parametrize(
    ("first", "then"), [(first, then) for first in WAYS for then in WAYS if then not in {"capitals", "decomposed"}]
)
def test_an_address_counts_however_a_link_a_page_or_a_program_wrote_it(first: str, then: str) -> None:
    for address in (ZOE, "zoe@xn--espaol-zwa.example"):
        written = WAYS[then](WAYS[first](address))
        assert ALSO_ZOE.are_in(orjson.dumps({"properties": {"url": written}}).decode()), written
        assert ALSO_ZOE.are_in('{"cut off": ' + json.dumps(written)), written
    other = WAYS[then](WAYS[first]("bea@shop.example"))
    assert not ALSO_ZOE.are_in(orjson.dumps({"properties": {"url": other}}).decode())


def test_domains_and_names_in_any_letters_and_the_address_of_a_browser() -> None:
    assert ALSO_ZOE.are_in('{"traits": {"email": "pia@faß.example"}}')
    assert ALSO_ZOE.are_in('{"userId": "zoe\\u0301"}')
    assert ALSO_ZOE.are_in('{"context": {"device": {"token": {"endpoint": "https://push.example/T1", "keys": {}}}}}')


def test_every_text_that_is_kept_of_a_dead_letter_counts() -> None:
    her, no = '{"context": {"traits": {"email": "ana@shop.example"}}}', "{}"
    assert ANA.are_in_letter(None, [no, her, "bad-event"])
    assert ANA.are_in_letter(None, [no, None, "not-storable: ana@shop.example"])
    assert ANA.are_in_letter("cart-of-a-device-of-hers-7", [no, None, ""])
    assert not ANA.are_in_letter("41", [no, no, "bad-event"])


async def test_no_text_of_a_dead_letter_is_left_out(database: Database) -> None:
    """A new column is searched, or says here that nobody can stand in it."""
    rows = await database.pool.fetch(
        "select column_name from information_schema.columns"
        " where table_name = 'dead_letter' and data_type in ('text', 'jsonb', 'ARRAY')"
    )
    searched = set(re.findall(r"\w+", queries("erasure")["dead_letters"])) & set(
        re.findall(r"\w+", queries("held")["not_taken_in"])
    )
    assert {row["column_name"] for row in rows} - {"source"} <= searched
