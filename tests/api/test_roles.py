"""Every role at every route, called (GOV-02); docs/roles.md is made of it, and anew by `python tests/api/test_roles.py`."""

import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from typer.main import get_command

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from api import ApiConfig, create_app, handbook  # noqa: E402 - also run as a program
from api.agents.tools import TOOLS, Tool  # noqa: E402
from api.app import ROUTERS  # noqa: E402
from api.auth import May, Of  # noqa: E402
from api.console.frame import PLACE  # noqa: E402
from api.console.session import COOKIE, token_of  # noqa: E402
from journeys.catalogue import load  # noqa: E402
from store import Database  # noqa: E402
from store.keys import (  # noqa: E402
    MAY_BE_OF_JOURNEYS,
    MAY_SEE_PERSONS,
    RIGHTS,
    Caller,
    Grant,
    Right,
    Role,
    list_keys,
    put_key,
)
from workers.cli.main import app  # noqa: E402

PAGE = ROOT / "docs" / "roles.md"
#: What is open to everybody, and why; whatever stands neither here nor asks for a right is a fault.
OPEN = {
    r"/healthz|/readyz|/metrics": "for those who run it: no word of a customer",
    r"/docs.*|/problems/.+|/onsite.*|/web-push.*|/wallet/pictures/.+": "pages, pictures and scripts that anybody may read",
    r"/\.well-known/oauth-protected-resource.*": "programs read there whose access tokens are let in",
    r"/v1/webhooks/.+|/v1/hooks/.+|/wallet/google": "the provider, or the source, signs what it tells",
    r"/[cuopw]/.+|/pass/.+": "whoever was sent the link has its signed token",
    r"/console/(login|logout|oidc.*)": "who signs on brings a key or a code of a provider; who signs out needs none",
    r"/console/assets/.+": "scripts and styles that anybody may read",
    r"/wallet/apple/v1/.+": "the device has the pass, or tells its troubles",
}
#: They look at the key themselves: it may stand in the body or the address.
SENDERS = {"api.ingest.routes", "api.ingest.visitors"}
JOURNEY = "nps"
#: The commands that change something, and what the audit calls that.
COMMANDS = {
    "pause": "switch journey", "resume": "switch journey", "kill": "switch journey", "runs end": "end runs",
    "doubts settle": "settle messages", "doubts repeat": "repeat messages", "providers limit": "limit provider",
    "providers unlimit": "unlimit provider", "segments put": "define segment", "segments delete": "delete segment",
    "segments announce": "announce segment", "segments snapshot": "freeze segment", "lists add": "put on list",
    "lists remove": "take off list", "lists import": "import list", "products import": "tell products",
    "profiles erase": "erase customer", "customers import": "import customers",
    "customers history": "import history", "models demo": "import history",
    "unmerge": "undo merge", "suppressions add": "add suppression",
    "suppressions import": "add suppression", "suppressions take-back": "lift suppression",
    "dead-letters replay": "replay dead-letters", "dead-letters purge": "purge dead-letters", "keys create": "create key",
    "keys rotate": "rotate key", "keys revoke": "revoke key", "deploy": "deploy version", "move": "move runs",
    "starts file": "make campaign", "starts one": "start run", "starts everybody": "make campaign",
    "starts pause": "switch campaign",
    "starts resume": "switch campaign", "starts cancel": "switch campaign",
    "starts message": "make campaign", "starts approve": "approve campaign",
    "choices freeze": "switch choice", "choices fix": "switch choice", "choices learn": "switch choice",
    "models train": "train prediction", "models score": "score prediction",
    "models declare": "declare prediction", "models approve": "approve prediction", "models delete": "delete prediction",
    "products work-out": "work out products",
    "sources read": "read source", "tasks assign": "assign task", "tasks escalate": "assign task",
    "tasks done": "complete task",
    "audiences compare": "compare audience", "audiences pause": "switch audience", "audiences resume": "switch audience",
    "audiences let-go": "let-go audience", "audiences forget": "forget audience",
    "subscriptions put": "put subscription", "subscriptions delete": "delete subscription",
    "subscriptions pause": "switch subscription", "subscriptions resume": "switch subscription",
    "subscriptions rotate": "rotate subscription", "subscriptions test": "test subscription",
    "subscriptions replay": "replay subscription",
}  # fmt: skip
#: Those that only look, and those that bring in or work out what others have said: the schema, bounces, sums.
OTHERS = """
api audiences-list audit bucket-forget bucket-status bucket-write check
client customers-events customers-messages customers-names demo dev diff doubts explain export graph lint mailbox mcp merges
migrate new preview profile providers reference replay report runs
simulate switches version versions whatsapp-templates why-not worker dead-letters-list doubts-said keys-identity keys-list
keys-web-push lists-list lists-report
choices-list choices-show
models-customers models-list models-show models-why products-changes products-due products-expected products-rounds
products-show runs-show profiles-certificate profiles-check-certificate
profiles-consent profiles-erasures profiles-export profiles-retention segments-concerns segments-count segments-coverage
segments-days segments-explain segments-list segments-preview segments-wait segments-why sources-list sources-try starts
starts-show subscriptions-list subscriptions-notifications subscriptions-types sums-differences sums-recompute
suppressions-list suppressions-look-up tasks-list tasks-show try
"""
#: A key of each role, with and without persons, and of one journey.
KEYS: dict[str, Grant] = {role.value: Grant(role) for role in Role}
KEYS |= {f"{role}+personal": Grant(role, personal=True) for role in Role if role in MAY_SEE_PERSONS}
KEYS |= {f"{role} of one": Grant(role, role in MAY_SEE_PERSONS, (JOURNEY,)) for role in Role if role in MAY_BE_OF_JOURNEYS}


@dataclass(frozen=True)
class Call:
    """A route under one method, and what it asks for; None: nothing."""

    method: str
    path: str
    asks: May | None

    def __str__(self) -> str:
        return f"{self.method} {self.path.replace(':path', '')}"

    @property
    def of_console(self) -> bool:
        """Whether it is a page, or a form of one."""
        return self.path == PLACE or self.path.startswith(f"{PLACE}/")

    @property
    def filled(self) -> str:
        """The path with something in place of each parameter."""
        return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: _VALUES.get(found[1], str(UUID(int=7))), self.path)


_VALUES = {
    "journey": JOURNEY, "name": "x", "who": "x", "table": "runs", "channel": "email", "template": "x", "merge_id": "1",
    "product_id": "x", "what": "seen", "write_key": "x",
}  # fmt: skip


def asked_by(route: APIRoute) -> May | None:
    """What a route asks of its caller: the strictest, where a router asks, too."""
    if route.endpoint.__module__ in SENDERS:
        return May(Right.SEND)
    found = [each for each in _within(route.dependant) if isinstance(each, May)]
    return max(found, key=lambda each: (each.does, each.personal), default=None)


def _within(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _within(each)


def calls() -> list[Call]:
    """Every call that there is."""
    routes = [route for router in (*ROUTERS, handbook.router) for route in router.routes if isinstance(route, APIRoute)]
    found = [Call(method, route.path, asked_by(route)) for route in routes for method in sorted(route.methods or ())]
    return sorted(found, key=lambda call: (call.path, call.method))


CALLS = calls()
GUARDED = [(call, call.asks) for call in CALLS if call.asks is not None]


def refusal(asks: May, path: str, grant: Grant) -> str | None:
    """By which code a key is refused, by the table."""
    if asks.right not in RIGHTS[grant.role] or (asks.personal and not grant.personal):
        return "forbidden"
    named = asks.of is Of.NAMED and "{journey}" in path
    return "other-journey" if grant.journeys and asks.of is not Of.ITSELF and not named else None


@pytest.fixture
async def http(dsn: str, database: Database, pooled_for_api: Database) -> AsyncIterator[httpx.AsyncClient]:
    for name, grant in KEYS.items():
        await put_key(database.pool, name, grant, f"jk_{name.replace(' ', '_')}")
    IDS.update({each.name: each.id for each in await list_keys(database.pool)})
    config = ApiConfig(dsn=dsn, key_ttl=600, secret="s" * 32, catalogue=load("definitions").journeys)
    app = create_app(config, database=pooled_for_api)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as client:
        yield client
    await app.state.ingest.intake.close()


async def test_gov_02_every_role_at_every_route_is_let_in_or_refused_as_the_table_says(http: httpx.AsyncClient) -> None:
    wrong = []
    for call, asks in GUARDED:
        ask = call.method, call.filled
        json: Any = {} if call.method in {"POST", "PUT"} else None
        without = await http.request(*ask, json=json, headers=OF_OUR_PAGE if call.of_console else {})
        assert without.status_code == (303 if call.of_console else 401), f"{ask} without a key"
        for name, grant in KEYS.items():
            answer = await http.request(*ask, json=json, headers=shown(http, name, of_console=call.of_console))
            code = code_of(answer)
            if (code if code in {"forbidden", "other-journey"} else None) != refusal(asks, call.path, grant) or is_nobody(
                answer
            ):
                wrong.append((*ask, name, answer.status_code, answer.text[:100]))
    assert wrong == []


OF_OUR_PAGE = {"Origin": "http://shop.test"}


def shown(http: httpx.AsyncClient, name: str, *, of_console: bool) -> dict[str, str]:
    """How a caller shows who they are: a key or, in the console, the session that it was exchanged for."""
    key = f"jk_{name.replace(' ', '_')}"
    if not of_console:
        return {"Authorization": f"Bearer {key}"}
    config: ApiConfig = http._transport.app.state.config  # type: ignore[attr-defined]
    caller = Caller(IDS[name], name, KEYS[name].role)
    return OF_OUR_PAGE | {"Cookie": f"{COOKIE}={token_of(config, caller, key, time.time() + 60)}"}


#: The ids of the keys, which a session names.
IDS: dict[str, UUID] = {}


def code_of(answer: httpx.Response) -> str | None:
    """By which code a call was refused: problem+json says it, and a page of the console."""
    if answer.headers.get("content-type") == "application/problem+json":
        return str(answer.json()["code"])
    told = re.search(r'<meta name="problem" content="([^"]+)">', answer.text)
    return told and told[1]


def is_nobody(answer: httpx.Response) -> bool:
    return answer.status_code == 401 or "/console/login" in answer.headers.get("location", "")


def test_gov_02_every_route_asks_for_a_right_or_is_open_for_a_reason() -> None:
    unasked = {call.path for call in CALLS if call.asks is None}
    assert {path for path in unasked if not any(re.fullmatch(each, path) for each in OPEN)} == set()
    assert [each for each in OPEN if not any(re.fullmatch(each, path) for path in unasked)] == []
    changing = [
        call for call, asks in GUARDED if asks.right in {Right.START, Right.OPERATE, Right.ADMIN} and call.method != "GET"
    ]
    assert [call for call in changing if call.asks is not None and not call.asks.does] == [], "say what the audit calls it"


def commands(group: Any, name: str = "") -> Iterator[str]:
    """Every command there is, also a group's own."""
    inside = getattr(group, "commands", {})
    if name and (not inside or group.invoke_without_command):
        yield name
    for each, within in inside.items():
        yield from commands(within, f"{name} {each}".strip())


def test_gov_02_every_command_only_looks_or_is_in_the_audit() -> None:
    """By the words that some function notes; that each of these notes them is shown where its call is made."""
    known = set(commands(get_command(app)))
    assert {each.replace(" ", "-") for each in known - set(COMMANDS)} == set(OTHERS.split())
    assert set(COMMANDS) <= known
    sources = "".join(file.read_text() for room in ("store", "segments", "api") for file in (ROOT / room).rglob("*.py"))
    noted = {f"{verb} {kind}" for verb, kind in re.findall(r'note\(\s*\w+,\s*"([^"]+)",\s*"([^"]+)"', sources)}
    noted |= {"purge dead-letters", "replay dead-letters"}  # one function for both
    assert set(COMMANDS.values()) - noted == set()
    assert {asks.does for _, asks in GUARDED if asks.does} - noted == set()


def test_roles_grow_and_nobody_sees_persons_by_role_alone() -> None:
    assert RIGHTS[Role.READ] < RIGHTS[Role.OPERATE] < RIGHTS[Role.ADMIN]
    assert RIGHTS[Role.START] == {Right.START}
    assert not any(Right.PERSONAL in rights for rights in RIGHTS.values())


@dataclass(frozen=True)
class Sometimes:
    """A call that takes `--personal` for some of what it may be asked; `asks`: one that does."""

    call: str
    when: str
    path: str
    asks: Any = None
    how: str = "json"


def _defining(predicate: Any) -> Any:
    return {"owner": "growth", "predicate": predicate}


_NARROW = "if it names people"
_BY_NAME = "for a name"
SOMETIMES = [
    Sometimes("GET /v1/runs", _BY_NAME, "/v1/runs?user_id=ana"),
    Sometimes("GET /v1/journeys/{journey}/why-not", "for a name, and with `show`", "/v1/journeys/nps/why-not?user_id=ana"),
    Sometimes(
        "GET /v1/journeys/{journey}/why-not",
        "for a name, and with `show`",
        f"/v1/journeys/nps/why-not?customer_id={UUID(int=7)}&show=true",
    ),
    Sometimes(
        "POST /v1/templates/{channel}/{template}/preview", "for a customer", "/v1/templates/email/x/preview", {"user_id": "ana"}
    ),
    Sometimes(
        "PUT /v1/subscriptions/{name}",
        "with `personal`",
        "/v1/subscriptions/x",
        {"url": "https://x.example", "types": ["run.ended"], "personal": True},
    ),
    *(
        Sometimes("PUT /v1/segments/{name}", _NARROW, "/v1/segments/narrow", _defining(predicate))
        for predicate in (
            {"all": [{"customers": ["u-1"]}, {"trait": "city", "is": "==", "value": "Madrid"}]},
            {"not": {"any": [{"customers": ["u-1"]}, {"did": "Order Completed"}]}},
            {"all": [{"listed": "mine"}, {"did": "Order Completed"}]},
            {"trait": "firstName", "is": "starts_with", "value": "N"},
            {"trait": "E-Mail", "is": "==", "value": "ana@shop.example"},
            {"did": "Order Completed", "where": {"property": "customer.email", "is": "==", "value": "ana@shop.example"}},
        )
    ),
    Sometimes("GET /v1/coverage", "for a segment of fewer than 10", "/v1/coverage?segment=small"),
    *(
        Sometimes(
            "POST /v1/journeys/{journey}/starts",
            "for a dry run by names or addresses",
            "/v1/journeys/nps/starts",
            {"rows": [{"customer_id": str(UUID(int=7))}, row], "dry_run": True},
        )
        for row in ({"email": "ana@shop.example"}, {"phone": "+34600000000"}, {"user_id": "ana"}, {"anonymous_id": "anon-1"})
    ),
    Sometimes(
        "POST /v1/journeys/{journey}/starts/file",
        "for a dry run by names or addresses",
        "/v1/journeys/nps/starts/file?dry_run=true",
        "email\nana@shop.example\n",
        "content",
    ),
    Sometimes(
        "POST /v1/customers/file", "for a dry run", "/v1/customers/file?dry_run=true", "email\nana@shop.example\n", "content"
    ),
    Sometimes(
        "POST /v1/suppressions/import",
        "for a dry run",
        "/v1/suppressions/import?dry_run=true",
        "email\nana@shop.example\n",
        "content",
    ),
]
_WHEN = {each.call: each.when for each in SOMETIMES} | {
    "GET /v1/runs/{run_id}/story": "with `show`",
    "POST /console/customers": _BY_NAME,
    "GET /console/segments/{name}": "for a customer",
    "POST /console/segments/build/save": _NARROW,
}


@pytest.mark.parametrize("each", SOMETIMES, ids=lambda each: each.call)
async def test_gov_02_who_asks_for_somebody_by_name_needs_a_key_that_may(http: httpx.AsyncClient, each: Sometimes) -> None:
    method, more = each.call.partition(" ")[0], {} if each.asks is None else {each.how: each.asks}
    if "coverage" in each.path:
        small = _defining({"did": "Order Completed"})
        assert (await http.put("/v1/segments/small", json=small, auth=("jk_operate", ""))).status_code == 201
    headers = {"Content-Type": "text/csv"} if each.how == "content" else {}
    plain, personal = [
        await http.request(method, each.path, **more, headers=headers, auth=(f"jk_{key}", ""))
        for key in ("operate", "operate+personal")
    ]
    assert (plain.status_code, plain.json()["code"]) == (403, "forbidden")
    assert "--personal" in plain.json()["detail"]
    assert personal.status_code != 403


async def test_gov_02_who_may_not_see_persons_defines_and_tries_what_names_nobody(http: httpx.AsyncClient) -> None:
    of_all = _defining({"all": [{"did": "Order Completed"}, {"trait": "city", "is": "==", "value": "Madrid"}]})
    assert (await http.put("/v1/segments/of-all", json=of_all, auth=("jk_operate", ""))).status_code == 201
    named = _defining({"customers": ["u-1"]})
    assert (await http.put("/v1/segments/one", json=named, auth=("jk_operate+personal", ""))).status_code == 201
    through = _defining({"all": [{"member_of": "one"}, {"did": "Order Completed"}]})
    assert (await http.put("/v1/segments/through", json=through, auth=("jk_operate", ""))).status_code == 403
    rows = {"rows": [{"customer_id": str(UUID(int=7))}], "dry_run": True}
    assert (await http.post("/v1/journeys/nps/starts", json=rows, auth=("jk_start", ""))).status_code == 200
    for name in ({"email": "ana@shop.example"}, {"user_id": "ana"}):
        made = await http.post("/v1/journeys/nps/starts", json={"rows": [name]}, auth=("jk_start", ""))
        tried = await http.post("/v1/journeys/nps/starts", json={"rows": [name], "dry_run": True}, auth=("jk_start", ""))
        assert (made.status_code, tried.status_code) == (201, 403), name


async def test_gov_02_a_key_of_one_journey_sees_and_stops_no_other(http: httpx.AsyncClient, database: Database) -> None:
    runs = {}
    for n, journey in enumerate((JOURNEY, "cart_abandonment")):
        whose, runs[journey] = UUID(int=n + 10), UUID(int=n)
        await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, now(), now())", whose)
        await database.pool.execute(
            "insert into run (id, journey, profile_id, entered_by, entered_at, created_at, workflow_id)"
            " values ($1, $2, $3, 'api', now(), now(), $2)",
            runs[journey], journey, whose,
        )  # fmt: skip

    async def asked(method: str, path: str, key: str = "operate of one", **more: Any) -> tuple[int, str | None]:
        answer = await http.request(method, path, headers={"Authorization": f"Bearer jk_{key.replace(' ', '_')}"}, **more)
        return answer.status_code, answer.json().get("code") if answer.status_code >= 400 else None

    mine, other = runs[JOURNEY], runs["cart_abandonment"]
    refused = (403, "other-journey")
    listed = await http.get("/v1/journeys", headers={"Authorization": "Bearer jk_read_of_one"})
    assert [each["name"] for each in listed.json()] == [JOURNEY]
    for path in ("", "/story"):
        assert await asked("GET", f"/v1/runs/{mine}{path}") == (200, None)
        assert await asked("GET", f"/v1/runs/{other}{path}") == refused
    assert await asked("GET", "/v1/runs") == await asked("GET", "/v1/runs?journey=cart_abandonment") == refused
    assert await asked("GET", f"/v1/runs?journey={JOURNEY}") == (200, None)
    assert await asked("POST", f"/v1/runs/{other}/end") == refused
    assert await asked("POST", "/v1/runs/end", json={"status": "open"}) == refused
    assert await asked("POST", "/v1/messages/in-doubt/settle", json={"channel": "email", "outcome": "sent"}) == refused
    body = {"customer": {"user_id": "nobody"}}
    assert await asked("POST", "/v1/journeys/cart_abandonment/runs", "start of one", json=body) == refused
    assert await asked("POST", f"/v1/journeys/{JOURNEY}/runs", "start of one", json=body) != refused
    assert await asked("PUT", "/v1/journeys/cart_abandonment/state", json={"state": "killed"}) == refused
    assert await asked("POST", f"/v1/runs/{mine}/end") == (202, None)


def table() -> str:
    """Every call, and who may."""
    lines = ["| Call | " + " | ".join(Role) + " | persons | of one journey | in the audit |"]
    lines.append("|---" * (len(Role) + 4) + "|")
    told = {Of.EVERYTHING: "", Of.NAMED: "if it is named", Of.ITSELF: "what is of it"}
    for call, asks in GUARDED:
        able = ["✓" if asks.right in RIGHTS[role] else "" for role in Role]
        some = told[asks.of] if asks.right is not Right.SEND else ""
        row = f"`{call}`", *able, "only if" if asks.personal else _WHEN.get(str(call), ""), some, asks.does
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def opened() -> str:
    """What is open, and why."""
    lines = ["| Open to everybody | because |", "|---|---|"]
    for pattern, why in OPEN.items():
        paths = [f"`{call}`" for call in CALLS if call.asks is None and re.fullmatch(pattern, call.path)]
        lines.append(f"| {' '.join(paths)} | {why} |")
    return "\n".join(lines)


def typed() -> str:
    """The commands that change something."""
    lines = ["| Command | in the audit |", "|---|---|"]
    return "\n".join([*lines, *(f"| `journeys {name}` | {does} |" for name, does in COMMANDS.items())])


def offered() -> str:
    """Every tool of agents, and who may."""
    asked = {str(call): asks for call, asks in GUARDED}
    roles = [role for role in Role if Right.READ in RIGHTS[role]]
    lines = [f"| Tool | {' | '.join(roles)} | persons | of one journey | changes something |", f"|{'---|' * (len(roles) + 4)}"]
    for tool in TOOLS:
        needs = [asked[call] for call in sorted(tool.needs)]
        able = ["✓" if all(asks.right in RIGHTS[role] for asks in needs) else "" for role in roles]
        calls = (tool.call, *(look.call for look in tool.looks))
        persons = (
            "only if" if any(asks.personal for asks in needs) else next((_WHEN[each] for each in calls if each in _WHEN), "")
        )
        some = "" if any(asks.of is Of.EVERYTHING for asks in needs) else "✓"
        lines.append("| " + " | ".join([f"`{tool.name}`", *able, persons, some, _changing(tool)]) + " |")
    return "\n".join(lines)


def _changing(tool: Tool) -> str:
    return f"after a dry run of {', '.join(f'`{look.call}`' for look in tool.looks)}" if tool.changes else ""


def drawn_anew(page: str) -> str:
    parts = (("calls", table()), ("open", opened()), ("tools", offered()), ("commands", typed()))
    for name, made in parts:
        page = re.sub(rf"<!-- {name} -->\n\n(\|.*\n)*", f"<!-- {name} -->\n\n{made}\n", page)
    return page


def test_gov_02_the_page_says_who_may_what() -> None:
    assert PAGE.read_text() == drawn_anew(PAGE.read_text()), "python tests/api/test_roles.py"


if __name__ == "__main__":
    PAGE.write_text(drawn_anew(PAGE.read_text()))
