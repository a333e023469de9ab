"""`journeys preview`: cards, JSON and a letter's HTML for somebody made up, without any server; and sentences."""

import json
from pathlib import Path

from uuid_utils.compat import uuid7

from store import Database
from tests.command_line import in_thread, journeys


def failure(*arguments: str) -> str:
    finished = journeys("preview", *arguments, catalogue="definitions")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert len(finished.stderr.splitlines()) == 1, finished.stderr
    return finished.stderr


def test_a_card_names_what_had_no_value(tmp_path: Path) -> None:
    ana = tmp_path / "ana.json"
    ana.write_text('{"firstName": "Ana"}')
    entry = '{"name": "Boots", "price": 89.9, "currency": "EUR"}'
    card = journeys("preview", "push", "cart-reminder", "--customer", str(ana), "--entry", entry, catalogue="definitions")
    assert card.returncode == 0, card.stderr
    assert "Ana, your Boots is still here" in card.stdout
    assert "says something else: entry.image_url, entry.cart_id, entry.product_id" in card.stdout
    told = journeys("preview", "sms", "what-kept-you", "--json", catalogue="definitions")
    found = json.loads(told.stdout)
    assert (found["size"], found["missing"]) == ({"alphabet": "GSM-7", "units": 99, "parts": 1}, ["customer.firstName"])


def test_a_letter_is_written_as_html(tmp_path: Path) -> None:
    file = tmp_path / "out.html"
    shown = journeys("preview", "email", "cart-alternatives", "--html", str(file), catalogue="definitions")
    assert "a few thoughts on your cart" in shown.stdout
    assert "/u/preview" in file.read_text()


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    assert "did you mean cart-reminder?" in failure("push", "cart-remindr")
    assert "--customer: not JSON" in failure("push", "cart-reminder", "--customer", "{firstName: Ana}")
    assert "give a JSON object, or a file" in failure("push", "cart-reminder", "--customer", str(tmp_path / "none.json"))
    assert "has no HTML" in failure("push", "cart-reminder", "--html", str(tmp_path / "x.html"))
    assert "offers a product" in failure("email", "one-better")


async def test_a_real_customer_is_looked_up(dsn: str, database: Database) -> None:
    id_ = uuid7()
    added = "insert into profile (id, traits, created_at, updated_at) values ($1, $2, now(), now())"
    await database.pool.execute(added, id_, {"firstName": "Ana"})
    given = {"catalogue": "definitions", "database_url": dsn}
    shown = await in_thread("preview", "push", "cart-reminder", "--for", str(id_), "--by", "customer_id", **given)
    assert "Ana, your cart is still here" in shown.stdout, shown.stderr
    nobody = await in_thread("preview", "push", "cart-reminder", "--for", "nobody", **given)
    assert (nobody.returncode, nobody.stderr) == (1, "journeys: no such customer\n")


WEATHER = {"catalogue": "weather_catalogue"}


def test_what_a_context_tells_is_as_it_declares_unless_it_is_given() -> None:
    """A newcomer's H4: no door could show a message that says what the weather is like."""
    told = json.loads(journeys("preview", "push", "by-weather", "--json", **WEATHER).stdout)
    assert (told["content"]["title"], told["content"]["body"]) == ("Go out", "26 degrees")
    assert told["otherwise"] == {"context.weather.rain": 0.0, "context.weather.temperature": 26.0}
    card = journeys("preview", "push", "by-weather", "--context", "weather.rain=2", **WEATHER)
    assert "Stay in: 2 mm" in card.stdout, card.stderr
    assert "as it is declared: context.weather.temperature=26.0" in " ".join(card.stdout.split())
    for given, said in (
        ("rain=2", "tells nothing of a context; write weather.rain=2"),
        ("weather.snow=2", "context.weather tells temperature"),
        ("wether.rain=2", "names no context wether; it names weather"),
        ("weather.rain=lots", "is not as it is declared: rain"),
    ):
        wrong = journeys("preview", "push", "by-weather", "--context", given, **WEATHER)
        assert (wrong.returncode, said in wrong.stderr) == (1, True), wrong.stderr
