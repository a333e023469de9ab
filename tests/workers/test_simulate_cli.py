"""`journeys simulate`: recorded calls through a catalogue, from a file without any server, and from Postgres."""

import csv
import json
import shutil
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
from rich.console import Console

from api.ingest.arrival import Arrival, instant
from api.ingest.spec import read_item
from journeys import did
from journeys.catalogue import load
from journeys.deciding.learning import Allocation
from journeys.deciding.options import Choice, Option
from journeys.policies import Conversion
from journeys.simulate import Tally
from store import Database, connect
from store.ingest.batch import Memory, store
from store.runs import choices
from tests.command_line import in_thread
from tests.workers.test_cli import journeys
from workers.backcasting import Period, backcast
from workers.cli.simulating.simulated import drawn, plain

ANA = {"userId": "ana", "type": "identify", "messageId": "1", "timestamp": "2026-03-02T10:00:00Z"}
REACHED = {
    "traits": {"firstName": "Ana", "email": "ana@example.com"},
    "context": {"messaging_subscriptions": [{"key": "ana@example.com", "type": "EMAIL", "status": "SUBSCRIBED"}]},
}


def track(user: str, event: str, at: str, **properties: Any) -> dict[str, Any]:
    return {"userId": user, "type": "track", "event": event, "timestamp": at, "messageId": user + at, "properties": properties}


CALLS = [
    ANA | REACHED,
    track("ana", "Product Added", "2026-03-02T10:05:00Z", cart_id="c-1"),
    track("bea", "Product Added", "2026-03-02T11:00:00Z", cart_id="c-2"),
    track("bea", "Order Completed", "2026-03-02T13:00:00Z", total=20),
    {"userId": "ana", "type": "nonsense", "timestamp": "2026-03-02T13:00:00Z"},
]


def recorded(folder: Path) -> str:
    file = folder / "calls.jsonl"
    file.write_text("".join(json.dumps(call) + "\n" for call in CALLS))
    return str(file)


def test_it_tells_who_would_enter_and_which_messages_would_go(tmp_path: Path) -> None:
    finished = journeys(
        "simulate", recorded(tmp_path), "--catalogue", "definitions", "--json", "--csv", str(tmp_path / "out.csv")
    )
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    assert found["entries"] == {"cart_abandonment": 2, "after_purchase": 1}
    ended = [each for each in found["outcomes"] if each["journey"] == "cart_abandonment"]
    assert {(each["what"], each["count"]) for each in ended} == {("finished", 1), ("goal reached", 1)}
    assert list(found["not_taken"]) == ["bad-type: /type must be one of identify, track, page, screen, group, alias"]
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [(row["hour"], row["channel"]) for row in rows if row["state"] == "sent"] == [("2026-03-05T10:00:00Z", "email")]
    assert {row["reason"] for row in rows if row["state"] == "skipped"} == {"no consent"}


def test_people_get_tables(tmp_path: Path) -> None:
    told = journeys("simulate", recorded(tmp_path), "--catalogue", "definitions").stdout
    for words in ("cart_abandonment", "1 goal reached", "3 no consent", "1 calls not taken: bad-type"):
        assert words in told


def test_lines_that_cannot_be_read_are_counted_and_the_others_play(tmp_path: Path) -> None:
    late = track("ana", "Product Added", "9999-12-31T23:59:59Z", cart_id="c-9")
    untold = {"call": CALLS[1], "sent": 1e300, "happened": 0}
    lines = [
        b'{"userId": "\xff"}',
        b'{"userId": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        *(json.dumps(each).encode() for each in (late, untold)),
        *("\ufeff".encode() + json.dumps(each).encode() for each in CALLS[:2]),
    ]
    (file := tmp_path / "calls.jsonl").write_bytes(b"\n".join(lines))
    finished = journeys("simulate", str(file), "--catalogue", "definitions", "--json")
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    assert found["entries"] == {"cart_abandonment": 1}
    counted = {reason.partition(":")[0]: number for reason, number in found["not_taken"].items()}
    assert counted == {"not-utf8": 1, "too-deep": 1, "too-late": 1, "bad-timestamp": 1}


def test_a_file_that_is_none_is_said_so(tmp_path: Path) -> None:
    finished = journeys("simulate", str(tmp_path / "nothing"), "--catalogue", "definitions")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "is no file; export calls with their timestamps, one JSON object a line" in finished.stderr


# -- from Postgres ----------------------------------------------------------------------------------------------------

BEGIN, END = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 6, tzinfo=UTC)


def known(user: str, at: str, *, yes: bool = True) -> dict[str, Any]:
    email, status = f"{user}@example.com", "SUBSCRIBED" if yes else "UNSUBSCRIBED"
    context = {"messaging_subscriptions": [{"key": email, "type": "EMAIL", "status": status, "by": "customer"}]}
    return {"userId": user, "type": "identify", "timestamp": at, "traits": {"email": email}, "context": context}


async def ingest(database: Database, calls: Iterable[dict[str, Any]]) -> None:
    """Each call is heard when it is sent."""
    for n, call in enumerate(calls):
        arrival = Arrival("test", instant(call["timestamp"]) or BEGIN, "ES")
        await store(database, [read_item({"messageId": f"m-{n}", **call}, arrival)], Memory())


async def simulated(database: Database, *, page: int = 2, processes: int = 1, catalogue: str = "definitions") -> Tally:
    period = Period(BEGIN, END, timedelta(days=14))
    return await backcast(database, load(catalogue), period, lambda *_: None, page=page, processes=processes)


async def id_of(database: Database, user: str) -> UUID:
    return UUID(str(await database.pool.fetchval("select profile_id from identity where value = $1", user)))


async def test_postgres_and_a_file_of_the_same_calls_tell_the_same(database: Database, dsn: str, tmp_path: Path) -> None:
    calls = [
        *(known(user, f"2026-03-02T0{n}:00:00Z", yes=user != "eva") for n, user in enumerate(("ana", "bea", "eva"))),
        *(track(user, "Product Added", f"2026-03-03T1{n}:00:00Z", cart_id="c") for n, user in enumerate(("ana", "bea", "eva"))),
        track("bea", "Order Completed", "2026-03-03T19:00:00Z", total=20),
        known("ana", "2026-03-05T10:00:00Z", yes=False),
    ]
    await ingest(database, calls)
    file = tmp_path / "calls.jsonl"
    file.write_text("".join(json.dumps(call) + "\n" for call in calls))
    period = ("--since", f"{BEGIN:%Y-%m-%d}", "--until", f"{END:%Y-%m-%d}")
    told = [
        json.loads((await in_thread("simulate", *given, "--json", catalogue="definitions", database_url=dsn)).stdout)
        for given in ((str(file), "--then", "4.5833333"), (*period, "--then", "4"))
    ]
    assert told[0]["entries"] == {"cart_abandonment": 3}
    assert {(each["what"], each["count"]) for each in told[0]["outcomes"]} >= {("finished", 2), ("goal reached", 1)}
    for name in ("messages", "entries", "refused", "outcomes", "put_off", "conflicts", "together"):
        assert (name, sorted(told[1][name], key=str)) == (name, sorted(told[0][name], key=str))


OPEN = """\
from journeys import Journey, Segment, did, journey

added = Segment("added", did("Product Added"))

@journey(entry=added)
async def drips(j: Journey) -> None:
    async with j.hold_others():
        async for turn in j.every(days=30):
            await j.wait(hours=turn)

@journey(entry=added)
async def tries(j: Journey) -> None:
    async with j.experiment("look", plain=0.5, film=0.5) as arm:
        await j.wait(days=400)
"""


@pytest.mark.parametrize("width", [80, 130])
def test_all_of_it_can_be_read_on_any_terminal(width: int) -> None:
    at = datetime(2026, 3, 2, 10, tzinfo=UTC)
    fates = Counter(
        {(at, "cart_abandonment", channel, "sent", ""): n for n, channel in enumerate(("email", "push", "sms"), 40)}
    )
    fates[at, "cart_abandonment", "whatsapp", "skipped", "no allowed instant before its deadline"] = 7
    kept = Counter({("cart_abandonment", "after_purchase", "held by another journey"): 1_124})
    entries = Counter(cart_abandonment=1_234, after_purchase=3)
    waited = Counter({("cart_abandonment", "held by another journey"): 1_124, ("cart_abandonment", "quiet hours"): 33})
    told = Tally(fates=fates, entries=entries, put_off=waited, met=kept)
    shown = rendered(told, width)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    words = " ".join(shown.replace("│", " ").split())
    for each in ("cart_abandonment", "1,234", "1,124 held by another journey", "33 quiet hours"):
        assert each in words
    (bar,) = (line for line in shown.splitlines() if "Mon 02 Mar" in line)
    assert [mark in bar for mark in "█▒░"] == [True] * 3


def rendered(told: Tally, width: int) -> str:
    """On a terminal."""
    screen = Console(width=width, record=True, file=StringIO())
    for part in drawn(told, Counter(), plain(told, Counter()), None):
        screen.print(part)
    return screen.export_text()


HOLDS = """\
from journeys import Journey, Segment, days, did, journey

added = Segment("added", did("Product Added"))

@journey(entry=added)
async def care(j: Journey) -> None:
    async with j.hold_others():
        await j.wait(days=3)

@journey(entry=added, useless_after=days(7))
async def sale(j: Journey) -> None:
    await j.wait(hours=1)
    await j.email("note")
"""


def test_a_period_is_for_what_postgres_has_recorded(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(json.dumps(ANA) + "\n")
    said = journeys("simulate", str(tmp_path / "calls.jsonl"), "--since", "2026-01-01", catalogue="definitions")
    assert (said.returncode, "--since and --until are for what Postgres has recorded" in said.stderr) == (1, True)


def test_a_message_that_had_to_wait_counts_once_however_often_it_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").write_text(HOLDS)
    shutil.copy("tests/sending_catalogue/note.email.mjml", tmp_path / "acme")
    calls = [ANA | REACHED, track("ana", "Product Added", "2026-03-02T10:05:00Z")]
    (tmp_path / "calls.jsonl").write_text("".join(json.dumps(call) + "\n" for call in calls))
    told = json.loads(journeys("simulate", "calls.jsonl", "--json", cwd=tmp_path, catalogue="acme").stdout)
    assert {line["state"]: line["messages"] for line in told["messages"]} == {"sent": 1}
    assert told["conflicts"] == [{"journey": "sale", "with": "care", "what": "held by another journey", "count": 1}]
    assert told["waited"] == {"sale": 1}
    assert {each["count"] for each in told["put_off"]} == {1}


async def test_runs_that_are_open_in_the_end_are_left_without_a_word(database: Database, dsn: str, tmp_path: Path) -> None:
    """An event loop that knew of their async generators would close them in tasks of its own, and fail, and say so."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").write_text(OPEN)
    await ingest(
        database, [known("ana", "2026-03-02T08:00:00Z"), track("ana", "Product Added", "2026-03-03T10:00:00Z", cart_id="c")]
    )
    period = ("--since", f"{BEGIN:%Y-%m-%d}", "--until", f"{END:%Y-%m-%d}")
    said = await in_thread("simulate", *period, "--json", cwd=tmp_path, catalogue="acme", database_url=dsn)
    assert (said.returncode, said.stderr) == (0, "")
    assert {(each["journey"], each["what"]) for each in json.loads(said.stdout)["outcomes"]} == {
        ("drips", "open"),
        ("tries", "open"),
    }


async def test_what_was_before_the_period_counts(database: Database) -> None:
    await ingest(
        database,
        [
            *(known(user, "2026-02-20T08:00:00Z") for user in ("ana", "bea", "eva", "kim")),
            track("ana", "Product Added", "2026-03-01T20:00:00Z", cart_id="c"),  # is in the segment already, and enters nothing
            track("bea", "Product Added", "2026-03-03T10:00:00Z", cart_id="c"),  # had a run lately
            track("eva", "NPS Answered", "2026-03-02T01:00:00Z", score=8),  # got thirty letters two hours ago
            track("kim", "Product Added", "2026-03-03T10:00:00Z", cart_id="c"),
        ],
    )
    ran = """insert into run (id, journey, profile_id, entered_by, entered_at, ended_at, workflow_id, created_at)
             values ($1, $2, $3, 'api', $4, $4, $5, $4)"""
    for user, journey, at in (
        ("bea", "cart_abandonment", BEGIN - timedelta(days=2)),
        ("eva", "win_back", BEGIN - timedelta(days=1)),
    ):
        run = uuid4()
        await database.pool.execute(ran, run, journey, await id_of(database, user), at, str(run))
    sent = """insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, due_at,
                                    claimed_at)
              select id, 'email:x', n, profile_id, journey, 'email', 'marketing', 'x', 'sent', $1, $1
              from run, generate_series(1, 30) n where journey = 'win_back'"""
    await database.pool.execute(sent, BEGIN - timedelta(hours=1))
    found = await simulated(database)
    assert found.entries == {"cart_abandonment": 1, "nps": 1}
    assert found.met == {("nps", "win_back", "message ceiling of the day"): 1}
    assert found.refused == {("cart_abandonment", "cooling down"): 1}


async def test_pages_and_processes_come_to_the_same_as_everybody_at_once(database: Database) -> None:
    users = [f"user-{n}" for n in range(7)]
    await ingest(database, [known(user, "2026-03-02T08:00:00Z") for user in users])
    await ingest(database, [track(user, "Product Added", "2026-03-03T10:00:00Z", cart_id="c") for user in users])
    one, many = await simulated(database, page=100), await simulated(database, page=2)
    assert one == many
    assert one.entries == {"cart_abandonment": 7}
    assert (apart := await simulated(database, page=2, processes=2)) == one
    assert repr(apart) == repr(many)  # in the same order, too, whichever process was first


def thanks() -> Choice:
    """The choice of the journey `thanks`, as it asks for it."""
    options = {"none": Option(), "short": Option(), "gift": Option(budget=2)}
    rule = Conversion(by=did("Order Completed"), within=timedelta(days=1)).to_json() | {"since": "exposure"}
    return Choice("thanks", {"option": options}, Conversion.from_json(rule))


async def test_choices_are_drawn_by_the_shares_that_stand_and_an_option_of_which_there_are_few_goes_to_no_more(
    database: Database,
) -> None:
    """Nothing is learned of a past: customers ordered what they ordered, whatever is drawn for them here."""
    users = [f"user-{n}" for n in range(60)]
    await ingest(database, [known(user, "2026-03-02T08:00:00Z") for user in users])
    await ingest(database, [track(user, "Product Rated", "2026-03-03T10:00:00Z") for user in users])
    await ingest(database, [track(user, "Order Completed", "2026-03-03T11:00:00Z") for user in users])
    at_start = await simulated(database, page=100, catalogue="rationing_catalogue")
    assert {version for _, version, _, _ in at_start.chosen} == {0}
    assert sum(count for (_, _, option, _), count in at_start.chosen.items() if option == "gift") == 2
    assert at_start.chosen.total() == len(users)
    for processes in (1, 2):
        assert await simulated(database, page=20, processes=processes, catalogue="rationing_catalogue") == at_start
    async with database.transaction() as connection:
        choice = thanks()
        await choices.declare(connection, choice.name, choice.digest, "thanks", choice.to_json(), BEGIN)
        (row,) = await choices.declared(connection)
        learned = Allocation(7, {"": [[0.0, 1.0, 0.5]]})
        await choices.allocate(connection, row, 7, BEGIN, 900, {"short": 1.0}, learned.to_json())
    stands = await simulated(database, catalogue="rationing_catalogue")
    assert {version for _, version, _, _ in stands.chosen} == {7}
    assert {option for _, _, option, by in stands.chosen if by == "learned"} == {"short"}
    told = rendered(stands, 160)
    assert "nothing is learned in a simulation" in told
    assert "of version 7" in told
    await choices.switch(database, "thanks", "fixed", BEGIN)
    switched = await simulated(database, catalogue="rationing_catalogue")
    assert switched.chosen == {("thanks", 7, "none", "operator"): len(users)}


def _as(dsn: str, role: str) -> str:
    return urlunsplit((parts := urlsplit(dsn))._replace(netloc=f"{role}:read@{parts.hostname}:{parts.port}"))


async def test_a_role_that_may_only_read_is_enough(database: Database, dsn: str) -> None:
    await ingest(
        database, [known("ana", "2026-03-02T08:00:00Z"), track("ana", "Product Added", "2026-03-03T10:00:00Z", cart_id="c")]
    )
    role = f"reader_{uuid4().hex}"
    await database.pool.execute(f"create role {role} login password 'read'; grant pg_read_all_data to {role}")
    reader = await connect(_as(dsn, role))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.pool.execute("delete from event")
        found = await simulated(reader)
    finally:
        await reader.close()
        await database.pool.execute(f"drop owned by {role}; drop role {role}")
    assert found.entries == {"cart_abandonment": 1}
