"""What an erasure takes account of: every table there is, and what can be recognised in what has no customer of its own."""

import orjson
import pytest

from store import Database
from store.customers.erasure import DEAD_LETTERS, EMPTIED, REMOVED
from store.customers.traces import Traces

#: Tables that hold nobody, or nothing of them besides the id of an empty profile, each with why.
NOBODY = {
    "api_key": "keys of programs",
    "api_key_used": "instants of keys",
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
    "segment_backfill": "counts",
    "catalogue_version": "code",
    "hold": "instants of a run",
    "exposure": "the arm of an id",
    "journey_control": "switches",
    "budget_spent": "sums",
    "budget_change": "sums",
    "population_hours": "sums",
    "message_change": "instants and reasons of a message, without its run",
    "daily_sum": "sums",
    "spanned_sum": "sums",
    "kept_sum": "sums",
    "value_horizon": "an instant",
    "conversion": "rules",
    "experiment": "plans",
    "experiment_decision": "sums",
    "conversion_type": "names of events",
    "sum_difference": "sums",
    "export_hour": "how many rows an hour has",
    "export_stale": "which hours are written anew, some for an erasure",
    "product": "what is for sale",
    "provider_limit": "settings",
    "provider_pace": "counts",
    "provider_stopped": "which provider a worker does not use",
    "provider_use": "counts",
    "wallet_picture": "pictures of templates",
    "whatsapp_template": "how templates stand at Meta",
    "product_relation": "what is for sale",
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
    ],
)
def test_a_dead_letter_is_recognised(item: dict[str, object], hers: bool) -> None:
    assert ANA.are_in(orjson.dumps(item).decode()) is hers


@pytest.mark.parametrize(("item", "hers"), [('{"userId": "41", ', True), ('{"userId": 41', False), ("ana@shop.example", True)])
def test_what_is_no_json_is_read_as_a_text(item: str, hers: bool) -> None:
    assert ANA.are_in(item) is hers
