"""What every page of the console has: a policy, its files, two languages, and templates in which everything is escaped."""

import hashlib
import inspect
import re
import tomllib
from pathlib import Path
from typing import get_args

import httpx
import pytest

from api import ApiConfig, create_app
from api.campaigns.models import ENTERING, WRITTEN_TO
from api.campaigns.views import WAITING_FOR_ITS_SEGMENT
from api.console.frame import NAVIGATION, told, word
from api.runs.standing import ASLEEP, NOT_TOLD
from journeys import after, entry, once, per_key, restart, whenever
from journeys.contracts import Outcome, Purpose, Reason
from segments.ask.overview import State as OfSegment
from store import Database
from store.audiences import Standing as OfAudience
from store.campaigns import CampaignRow
from store.keys import Role, create_key
from tests.api.console.conftest import HOSTILE, Console
from tests.api.console.test_builder import labels
from tests.api.test_roles import GUARDED

PAGES = Path(__file__).parents[3] / "api" / "pages"
TEMPLATES = sorted((PAGES / "console").glob("*.html"))
MODULES = sorted((PAGES.parent / "console").rglob("*.py"))
STORE = sorted((PAGES.parents[1] / "store").rglob("*.py"))
NOTED = re.compile(r'note\(\s*\w+,\s*"([a-z ]+)",\s*"([a-z ]+)"')
ENTRIES = [name for name in vars(entry) if name.isupper() and isinstance(getattr(entry, name), str)]
KINDS_OF_MOMENTS = set(re.findall(r'yield [\w.]+, "([a-z ]+)", ', (PAGES.parent / "runs" / "story.py").read_text()))
VENDORED = {
    "htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


@pytest.fixture
async def http(dsn: str, database: Database) -> httpx.AsyncClient:
    app = create_app(ApiConfig(dsn=dsn, secret="s" * 32, key_ttl=0), database=database)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://shop.test", headers={"Origin": "http://shop.test"}
    )


def test_what_others_wrote_is_as_they_published_it_and_is_said_to_be() -> None:
    files = {path.name: path.read_bytes() for path in (PAGES / "console" / "vendor").iterdir()}
    readme = files.pop("README.md").decode()
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == VENDORED
    assert all(f"| `{name}` |" in readme and of in readme for name, of in VENDORED.items())


#: What no template of the console may have: a way round the escape, and what the policy forbids.
FORBIDDEN = re.compile(
    r"\|\s*safe\b|autoescape|\bMarkup\b|\son\w+\s*=|\sstyle\s*=|<style|<script(?![^>]*\ssrc=)|javascript:|hx-on|js:"
)


def test_no_template_goes_round_the_escape_or_the_policy() -> None:
    found = {path.name: told[0] for path in TEMPLATES if (told := FORBIDDEN.search(path.read_text()))}
    assert found == {}
    for wrong in ("{{ x | safe }}", '<a onclick="x">', '<p style="x">', "<script>x</script>", '<p hx-on:click="x">'):
        assert FORBIDDEN.search(wrong), wrong
    assert not FORBIDDEN.search('<script src="{{ asset("htmx.min.js") }}" defer></script>')


def test_each_table_has_a_caption_and_each_head_says_of_what_it_is() -> None:
    for path in TEMPLATES:
        text = path.read_text()
        assert text.count("<table") == text.count("<caption>"), path.name
        assert re.findall(r"<th(?![a-z])(?! scope=)[^>]*>", text) == [], path.name


def said() -> set[str]:
    """Every text that a template or a module asks to be said."""
    texts = {text for path in TEMPLATES for text in re.findall(r'\bt\("((?:[^"\\])*)"', path.read_text())}
    asked = re.compile(r'\b(?:said|told|Unread)\("([^"]+)"|\.told = "([^"]+)"|return seen\(f?"[^"]*", "([^"]+)"\)')
    texts |= {text for path in MODULES for found in asked.findall(path.read_text()) for text in found if text}
    texts |= labels()
    return (texts | {entry.name for entry in NAVIGATION}) - {"a "}


def fixed() -> set[str]:
    """What code says in fixed words: the members of each vocabulary, and what each call that changes something does."""
    calls = {asks.does for _, asks in GUARDED if asks.does}
    notes = {f"{verb} {kind}" for path in STORE for verb, kind in NOTED.findall(path.read_text())}
    entries = {getattr(entry, name) for name in ENTRIES}
    stood = {said for each in (OfAudience, OfSegment) for said in get_args(each)}
    stood |= set(re.findall(r'"([a-z ]+)"', inspect.getsource(CampaignRow.state)))
    in_words = {ENTERING, WRITTEN_TO, WAITING_FOR_ITS_SEGMENT, *KINDS_OF_MOMENTS}
    return {*map(str, Outcome), *map(str, Reason), *map(str, Purpose)} | entries | calls | notes | stood | in_words


def test_every_word_of_a_fixed_vocabulary_is_there_in_spanish() -> None:
    spanish = tomllib.loads((PAGES / "console" / "texts.toml").read_text())["es"]
    assert fixed() - set(spanish) == set()
    assert len(fixed()) > 150
    assert word("es", "refused: already running") == "rechazado: ya en curso"
    assert word("es", "push note: skip: no consent") == "push note: omitir: sin consentimiento"
    assert word("es", "skipped (too late)") == "omitido (demasiado tarde)"
    assert word("es", "push note again: quiet hours") == "push note otra vez: horas de silencio"
    assert word("es", "may not enter again: once per live") == "no puede entrar otra vez: una vez por live"
    assert word("es", "is in it (run 7)") == "está dentro (ejecución 7)"
    assert word("es", "was refused: already running") == "no se dejó entrar: ya en curso"
    assert word("en", "until 1 d after entry") == "until 1 d after entry"
    assert {word("es", text) for text in (ASLEEP, NOT_TOLD)} == {
        "un temporizador",
        "un temporizador: cuándo no se sabe ahora mismo",
    }


def test_what_journeys_declare_and_why_nobody_is_in_them_is_there_in_spanish() -> None:
    phrases = tomllib.loads((PAGES / "console" / "texts.toml").read_text())["phrases"]["es"]
    values = re.compile(r"\{\w+\}")
    assert {text for text, other in phrases.items() if sorted(values.findall(text)) != sorted(values.findall(other))} == set()
    rules = (once(), after(days=2), per_key("cart_id"), restart(), whenever())
    assert [str(rule) for rule in rules if word("es", str(rule)) == str(rule)] == []
    source = (PAGES.parent / "runs" / "why_not.py").read_text()
    said = re.findall(r'\bwhat(?: = |=)f?"([\w ][^"]+)"|if run.ended_at is None else f"([^"]+)"', source)
    filled = {
        re.sub(r"\{[^{}]*\}", "x", one or other)
        for one, other in said
        if "among the customers" not in one and "refused{" not in one
    }
    assert len(filled) > 15
    assert [each for each in filled if word("es", each) == each] == []
    assert [word("en", each) for each in fixed()] == [*fixed()]


def test_every_text_is_there_in_spanish_with_the_same_values() -> None:
    spanish = tomllib.loads((PAGES / "console" / "texts.toml").read_text())["es"]
    assert said() - set(spanish) == set()
    values = re.compile(r"\{\w+\}")
    assert {text for text, other in spanish.items() if sorted(values.findall(text)) != sorted(values.findall(other))} == set()
    assert told("es", "Home") == "Inicio"
    assert told("es", "{n} of what nobody has translated", n=3) == "3 of what nobody has translated"


async def test_each_page_has_a_policy_that_lets_nothing_in(console: Console) -> None:
    async with console.signed_on("admin") as browser:
        for name, path in console.pages.items():
            answer = await browser.get(path)
            assert answer.status_code == (404 if name == "nothing" else 200), (name, answer.text[:300])
            policy = answer.headers["content-security-policy"]
            assert policy == "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'", name
            assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
            for asset in re.findall(r'(?:href|src)="(/console/assets/[^"]+)"', answer.text):
                file = await browser.get(asset)
                assert (file.status_code, file.headers["x-content-type-options"]) == (200, "nosniff")
                assert "immutable" in file.headers["cache-control"]


async def test_what_customers_send_is_text_on_every_page(console: Console) -> None:
    async with console.signed_on("admin") as browser:
        told = {name: (await browser.get(path)).text for name, path in console.pages.items()}
        for asked in (HOSTILE, "{{ 7 * 7 }}", "{0.__class__}"):
            told[asked] = (await browser.post("/console/customers", data={"name": asked})).text
            told[f"{asked} why"] = (await browser.post("/console/segments/vips/why", data={"name": asked})).text
            told[f"{asked} said"] = (await browser.get("/console", params={"said": asked})).text
            told[f"{asked} place"] = (await browser.get(f"/console/{asked}")).text
    assert [name for name, text in told.items() if '<script src="//evil' in text or "<img src=x" in text] == []
    assert "&lt;img src=x onerror=alert(1)&gt;" in told["customer"]
    worked_out = "49" in re.sub(r"\?v=\w+", "", told["{{ 7 * 7 }}"])  # an asset's hash may have it
    assert (worked_out, "class &#39;" in told["{0.__class__} said"]) == (False, False)


async def test_a_page_speaks_the_browsers_language_or_the_one_that_was_chosen(http: httpx.AsyncClient) -> None:
    spanish = await http.get("/console/login", headers={"Accept-Language": "es-MX,en;q=0.5"})
    assert ('<html lang="es">' in spanish.text, "Clave de la API" in spanish.text) == (True, True)
    assert "API key" in (await http.get("/console/login?lang=en", headers={"Accept-Language": "es"})).text
    assert "API key" in (await http.get("/console/login", headers={"Accept-Language": "es"})).text, "it stays"


async def test_what_goes_wrong_is_a_page_in_words_without_a_stack(http: httpx.AsyncClient, database: Database) -> None:
    key = await create_key(database.pool, "reader", Role.READ)
    await http.post("/console/login", data={"key": key})
    lost = await http.get("/console/journeys/no_such")
    assert (lost.status_code, "no journey &#39;no_such&#39;" in lost.text) == (404, True)
    assert lost.headers["content-type"].startswith("text/html")
    wrong = await http.get("/console/runs/1")
    assert (wrong.status_code, "This cannot be asked" in wrong.text) == (422, True)
    large = await http.post("/console/customers", content=b"name=" + b"x" * 20_000)
    assert (large.status_code, "too much" in large.text) == (413, True)
    elsewhere = await http.get("/v1/journeys/no_such/why-not?user_id=ana")
    assert elsewhere.headers["content-type"] == "application/problem+json"


async def test_while_postgres_is_away_the_page_says_so(database: Database) -> None:
    app = create_app(ApiConfig(dsn="postgresql://nobody@127.0.0.1:1/none", secret="s" * 32))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://a", headers={"Origin": "http://a"}) as browser:
        answer = await browser.post("/console/login", data={"key": "jk_x"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert ("The database does not answer" in answer.text, "messageId" in answer.text) == (True, False)


def test_no_page_is_in_the_description_of_the_api() -> None:
    paths = create_app(ApiConfig(dsn="")).openapi()["paths"]
    assert [path for path in paths if path.startswith("/console")] == []
