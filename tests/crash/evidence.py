"""What is left after crashes: runs and ledger in Postgres, accepted messages at the providers, workflows in Temporal.

Each check is one promise of SEMANTICS 1, 3 or 5 and holds whatever the timing was.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import httpx
from temporalio.client import Client, WorkflowExecutionStatus

from activities.deliver.doubt import COPIES
from store import Database

FINAL = {"sent", "skipped", "withheld", "failed", "unconfirmed"}
RUNS = "select id, journey, profile_id, entered_by, transition_id, workflow_id, outcome, ended_at from run"
CARTS = "select count(*) from segment_transition where segment = 'carts' and kind = 'entered'"
LEDGER = """select run_id, run_id || '/' || step || '/' || occurrence as key, journey, channel, purpose, state, reason,
                   attempts, copies from delivery order by due_at"""
CALLS = "select run_id, number, reason, settled_at from service_call"


@dataclass(frozen=True)
class Row:
    """One message in the ledger."""

    run_id: object
    key: str
    journey: str
    channel: str
    purpose: str
    state: str
    reason: str | None
    attempts: int
    copies: int

    @property
    def marketing(self) -> bool:
        return self.purpose == "marketing"


@dataclass(frozen=True)
class Evidence:
    """Everything that the three parties know."""

    runs: list[dict[str, object]]
    ledger: list[Row]
    accepted: Counter[str]
    calls: list[dict[str, object]]
    heard: Counter[str]
    workflows: dict[str, list[WorkflowExecutionStatus | None]]
    entered: int
    refused: int

    def of(self, run: dict[str, object]) -> list[Row]:
        """A run's messages in the order in which they were due."""
        return [row for row in self.ledger if row.run_id == run["id"]]


async def gather(database: Database, client: Client, sandbox_url: str) -> Evidence:
    """Ask Postgres, the providers and Temporal."""
    rows = await database.pool.fetch(LEDGER)
    keys = await _accepted(sandbox_url)
    return Evidence(
        runs=[dict(run) for run in await database.pool.fetch(RUNS)],
        ledger=[Row(**row) for row in rows],
        accepted=Counter(key for key in keys if not key.startswith("msg_")),
        calls=[dict(call) for call in await database.pool.fetch(CALLS)],
        heard=Counter(key for key in keys if key.startswith("msg_")),
        workflows=await _workflows(client),
        entered=await database.pool.fetchval(CARTS),
        refused=await database.pool.fetchval("select count(*) from entry_refused"),
    )


def services_hear_of_everything_under_one_id(evidence: Evidence, journey: str) -> None:
    """A call is settled once, and whatever attempts and workers it took, the service has heard one id."""
    ids = {f"msg_{run['id'].hex}_1" for run in evidence.runs if run["journey"] == journey}  # type: ignore[attr-defined]  # UUID
    assert set(evidence.heard) == ids
    assert len(evidence.calls) == len(ids)
    assert all(call["settled_at"] and call["reason"] is None for call in evidence.calls)


async def _accepted(sandbox_url: str) -> list[str]:
    async with httpx.AsyncClient(base_url=sandbox_url, timeout=30) as http:
        messages = (await http.get("/_sandbox/messages", params={"limit": 10_000})).json()
    assert len(messages) < 10_000, "the page is full: some messages were not read"
    assert all(message["key"] for message in messages)
    return [message["key"] for message in messages]


async def _workflows(client: Client) -> dict[str, list[WorkflowExecutionStatus | None]]:
    found: dict[str, list[WorkflowExecutionStatus | None]] = {}
    async for execution in client.list_workflows("TaskQueue = 'journeys'"):
        found.setdefault(execution.id, []).append(execution.status)
    return found


def every_run_is_one_workflow_that_completed(evidence: Evidence) -> None:
    """But for runs that were over before Temporal heard of them."""
    unknown = [run for run in evidence.runs if run["workflow_id"] not in evidence.workflows]
    assert [run for run in unknown if run["outcome"] != "goal reached" or evidence.of(run)] == []
    assert evidence.workflows.keys() <= {run["workflow_id"] for run in evidence.runs}
    assert set(map(tuple, evidence.workflows.values())) == {(WorkflowExecutionStatus.COMPLETED,)}
    assert [run for run in evidence.runs if run["ended_at"] is None] == []


def every_entry_is_one_run(evidence: Evidence) -> None:
    entries = Counter((run["journey"], run["transition_id"]) for run in evidence.runs if run["entered_by"] == "segment")
    assert set(entries.values()) == {1}
    assert sum(journey == "three_channels" for journey, _ in entries) == evidence.entered
    assert evidence.refused == 0


def every_message_is_final(evidence: Evidence) -> None:
    assert [row for row in evidence.ledger if row.state not in FINAL] == []


def providers_have_nothing_that_the_ledger_does_not_know(evidence: Evidence) -> None:
    assert evidence.accepted.keys() <= {row.key for row in evidence.ledger}


def marketing_at_most_once_and_the_ledger_tells_the_truth(evidence: Evidence) -> None:
    for row in evidence.ledger:
        if row.marketing:
            copies = evidence.accepted[row.key]
            assert copies in _possible(row.state), (copies, row)
            assert copies <= row.copies <= 1, (copies, row)


def transactional_at_least_once_and_within_the_stated_bound(evidence: Evidence) -> None:
    """In doubt is only what was handed over as often as it may be, and no answer came each time."""
    for row in evidence.ledger:
        if not row.marketing:
            copies = evidence.accepted[row.key]
            assert copies <= row.copies <= COPIES, (copies, row)
            assert (row.state == "sent" and copies >= 1) or (row.state == "unconfirmed" and row.copies == COPIES), (copies, row)


def channels_in_order(rows: Iterable[Row]) -> tuple[str, ...]:
    return tuple(row.channel for row in rows)


def _possible(state: str) -> tuple[int, ...]:
    if state == "unconfirmed":
        return (0, 1)
    return (1,) if state == "sent" else (0,)
