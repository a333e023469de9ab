"""What is left after crashes: runs and ledger in Postgres, accepted messages at the providers, workflows in Temporal.

Each check is one promise of SEMANTICS 1, 3 or 5 and holds whatever the timing was.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg
import httpx
from crash.sides import Row, breaches
from temporalio.client import Client, WorkflowExecutionStatus

from activities.channels.message import tag_of
from activities.deliver.doubt import COPIES
from store import Database

log = logging.getLogger(__name__)

FINAL = {"sent", "skipped", "withheld", "failed", "unconfirmed"}
RUNS = "select id, journey, profile_id, entered_by, transition_id, workflow_id, outcome, ended_at from run"
CARTS = "select count(*) from segment_transition where segment = 'carts' and kind = 'entered'"
LEDGER = """select d.run_id, d.run_id || '/' || step || '/' || occurrence as key, d.journey, channel, provider, purpose, state,
                   reason, attempts, copies, r.outcome = 'goal reached' as run_over
            from delivery d join run r on r.id = d.run_id order by due_at"""
CALLS = "select run_id, number, service, reason, settled_at from service_call"
#: What Postgres itself is the provider of: an inbox's message and a pass's change are noted where they are written.
WITNESS = """
    create table written (key text);
    create function saw_it_written() returns trigger language plpgsql as $$
        begin insert into written values (new.run_id || '/' || new.step || '/' || new.occurrence); return null; end $$;
    create trigger written after insert on inbox for each row execute function saw_it_written();
    create trigger written after insert or update on wallet_pass for each row execute function saw_it_written();
"""
BEHIND = """select count(*) from wallet_pass join wallet_device using (serial) where told_at is null or told_at < modified_at"""
PASSES = """select d.profile_id, d.journey, p.content #>> '{fields,header,0,value}' as points, w.push_token, p.serial
            from wallet_pass p join delivery d using (run_id, step, occurrence) left join wallet_device w using (serial)"""


@dataclass(frozen=True)
class Evidence:
    """Everything that the three parties know."""

    runs: list[dict[str, object]]
    ledger: list[Row]
    accepted: Counter[str]
    calls: list[dict[str, object]]
    heard: Counter[str]
    told: Counter[str]
    passes: list[dict[str, object]]
    behind: int
    workflows: dict[str, list[WorkflowExecutionStatus | None]]
    entered: int
    refused: int

    def of(self, run: dict[str, object]) -> list[Row]:
        """A run's messages in the order in which they were due."""
        return [row for row in self.ledger if row.run_id == run["id"]]


async def watched(dsn: str) -> None:
    """Note from now on what Postgres is the provider of."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(WITNESS)
    await connection.close()


async def gather(database: Database, client: Client, sandbox_url: str) -> Evidence:
    """Ask Postgres, the providers and Temporal."""
    rows = await database.pool.fetch(LEDGER)
    messages = await _accepted(sandbox_url)
    shown_as = {tag_of(row["key"], None): row["key"] for row in rows}  # what leaves for a browser has no other name
    keys = [shown_as.get(message["key"], message["key"]) for message in messages if message["provider"] != "wallet"]
    keys += [row["key"] for row in await database.pool.fetch("select key from written")]
    return Evidence(
        runs=[dict(run) for run in await database.pool.fetch(RUNS)],
        ledger=[Row(**row) for row in rows],
        accepted=Counter(key for key in keys if not key.startswith("msg_")),
        calls=[dict(call) for call in await database.pool.fetch(CALLS)],
        heard=Counter(key for key in keys if key.startswith("msg_")),
        told=Counter(message["to"] for message in messages if message["provider"] == "wallet"),
        passes=[dict(each) for each in await database.pool.fetch(PASSES)],
        behind=await database.pool.fetchval(BEHIND),
        workflows=await _workflows(client),
        entered=await database.pool.fetchval(CARTS),
        refused=await database.pool.fetchval("select count(*) from entry_refused"),
    )


def services_hear_of_everything_under_one_id(evidence: Evidence, journey: str) -> None:
    """A call is settled once, and whatever attempts and workers it took, the service has heard one id."""
    runs = [run["id"] for run in evidence.runs if run["journey"] == journey]
    ids = {f"msg_{run.hex}_{number}" for run in runs for number in (1, 2)}  # type: ignore[attr-defined]  # UUID
    assert set(evidence.heard) == ids
    assert len(evidence.calls) == len(ids)
    assert all(call["settled_at"] and call["reason"] is None for call in evidence.calls)


def wallets_show_what_was_said_last(evidence: Evidence, customers: int) -> None:
    """One pass each, as the message has it that changed it last; every device was told, perhaps more than once."""
    assert len({each["profile_id"] for each in evidence.passes}) == len(evidence.passes) == customers
    assert {(each["journey"], each["points"]) for each in evidence.passes} <= {("offer", "1"), ("receipt", "2")}
    assert evidence.behind == 0
    for each in evidence.passes:
        told = evidence.told[str(each["push_token"])] + sum(n for to, n in evidence.told.items() if str(each["serial"]) in to)
        assert told >= 1, each


async def _accepted(sandbox_url: str) -> list[dict[str, str]]:
    async with httpx.AsyncClient(base_url=sandbox_url, timeout=30) as http:
        messages: list[dict[str, str]] = (await http.get("/_sandbox/messages", params={"limit": 10_000})).json()
    assert len(messages) < 10_000, "the page is full: some messages were not read"
    assert all(message["key"] or message["provider"] == "wallet" for message in messages)
    return messages


async def _workflows(client: Client) -> dict[str, list[WorkflowExecutionStatus | None]]:
    """Runs are over by now: one that is listed as running is only not listed anew yet."""
    async with asyncio.timeout(60):
        while True:
            found: dict[str, list[WorkflowExecutionStatus | None]] = {}
            async for execution in client.list_workflows("TaskQueue = 'journeys'"):
                found.setdefault(execution.id, []).append(execution.status)
            if all(WorkflowExecutionStatus.RUNNING not in each for each in found.values()):
                return found
            await asyncio.sleep(0.5)


def every_run_is_one_workflow_that_completed(evidence: Evidence) -> None:
    """But for runs that were over before Temporal heard of them."""
    unknown = [run for run in evidence.runs if run["workflow_id"] not in evidence.workflows]
    assert [run for run in unknown if run["outcome"] != "goal reached" or evidence.of(run)] == []
    assert evidence.workflows.keys() <= {run["workflow_id"] for run in evidence.runs}
    known = {run["workflow_id"]: evidence.workflows[str(run["workflow_id"])] for run in evidence.runs if run not in unknown}
    ended = {run["workflow_id"] for run in evidence.runs if run["outcome"] == "goal reached"}
    other = {id_: each for id_, each in known.items() if each != [WorkflowExecutionStatus.COMPLETED]}
    # Whose workers die again and again over its task, once its row is over, is terminated (activities.dispatch.closing).
    assert [each for id_, each in other.items() if id_ not in ended or each != [WorkflowExecutionStatus.TERMINATED]] == []
    assert [run for run in evidence.runs if run["ended_at"] is None] == []


def every_entry_is_one_run(evidence: Evidence) -> None:
    entries = Counter((run["journey"], run["transition_id"]) for run in evidence.runs if run["entered_by"] == "segment")
    assert set(entries.values()) == {1}
    assert sum(journey == "three_channels" for journey, _ in entries) == evidence.entered
    assert evidence.refused == 0


def every_message_is_final(evidence: Evidence) -> None:
    assert [row for row in evidence.ledger if row.state not in FINAL] == []


def providers_have_nothing_that_the_ledger_does_not_know(evidence: Evidence) -> None:
    assert evidence.accepted.keys() - {row.key for row in evidence.ledger} == set()


def no_promise_is_broken(evidence: Evidence) -> None:
    """Of each provider's, for each purpose."""
    found = breaches(evidence.ledger, evidence.accepted)
    assert found == [], f"{len(found)} breaches"


def channels_in_order(rows: Iterable[Row]) -> tuple[str, ...]:
    return tuple(row.channel for row in rows)


def tell(evidence: Evidence) -> None:
    """The figures, for whoever runs it with `--log-cli-level=INFO`."""
    found = Counter((row.provider, row.side.value, row.state, evidence.accepted[row.key]) for row in evidence.ledger)
    table = "\n".join(f"{count:6} {' · '.join(map(str, what))}" for what, count in sorted(found.items()))
    told = "%d runs, %d breaches; messages by provider, side, state, copies that arrived (at most %d)\n%s"
    log.info(told, len(evidence.runs), len(breaches(evidence.ledger, evidence.accepted)), COPIES, table)
