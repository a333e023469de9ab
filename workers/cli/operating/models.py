"""`journeys models`: which models score customers, how good each is and what it goes by, and why a customer has their score."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from uuid import UUID

import typer

from workers.cli.asked import InJson, fail, predictions_need_approval, say, settings, whoever, with_database
from workers.cli.profiles import By, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from api.models.views import ActingView, CustomerView, ModelDetail, ModelView, UpliftView, WeekView
    from segments.ask.foretold import Foretold
    from segments.predictions.declared import Declared
    from store import Database
    from store.predictions import PredictionRow

models = typer.Typer(
    no_args_is_help=True,
    help="Predictions of what customers will do: the models behind them, how good they are, and why (docs/predictions.md).",
)
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Name = Annotated[str, typer.Argument(help="The prediction, as the catalogue calls it.")]
_WIDE = 30  # characters of a bar
_WEEKS = ("week of", "people", "foretold", "came", "off by", "AUC", "lift", "")
_BY_WEEK = "How good its scores were, by week (lift: of the highest tenth; ━ came, ┃ foretold)"
_DEMO, _PATIENCE = "churn", 120  # looks
_TRAINER = "a process that trains (journeys worker --train)"
_LOOK = 0.5  # seconds from one look at how far a training is to the next
_QUIET = 10.0  # seconds without anything being done, before whoever waits is told so; then after twice as many


@models.command("list")
def list_(as_json: Json = False) -> None:
    """Show how each prediction stands: which model scores, how good it is, and whether it lets anybody new in."""
    from api.models.looking import stands
    from workers.cli import tables

    now = settings().clock.now()

    def drawn(rows: "Sequence[ModelView]") -> "Iterable[RenderableType]":
        heads = ("name", "kind", "state", "version", "trained (UTC)", "scored (UTC)", "people", "how good", "why not")
        cells = [
            (
                *(each.name, each.kind, _state(each), "-" if each.version is None else str(each.version)),
                *(_at(each.trained_at), _at(each.scored_at), f"{each.people:,}"),
                *(each.told or "-", (each.state != "training" and (each.failure or each.held_why)) or ""),
            )
            for each in rows
        ]
        table = tables.Rows(heads, cells, sentences=frozenset({"state", "how good", "why not"}))
        return [table] if cells else ["no prediction has been declared to a worker yet"]

    tables.show(with_database(lambda database: stands(database, now)), drawn, as_json=as_json)


@models.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show a prediction's card: by what it was trained, how true its probabilities are, and what it goes by."""
    from workers.cli import tables

    tables.show(_detail(name), _card, as_json=as_json)


@models.command()
def train(
    name: Name,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is done, and show how far it is.")] = False,
    as_json: Json = False,
) -> None:
    """Have a new model trained now by a process that trains (`journeys worker --train`), beside the schedule."""
    from store.predictions import ask_training, found

    now = settings().clock.now()
    before = with_database(lambda database: found(database, name))
    if not with_database(lambda database: ask_training(database, name, now)):
        _unknown(name)
    if not wait:
        told = f"{name} is trained as soon as {_TRAINER} takes it up; what came of it: journeys models show {name}"
        say({"asked": name}, told, as_json=as_json)
        return
    _wait(before[0])
    came = _detail(name)
    told = came.failure or f"version {came.versions[0].version} was trained; it is {came.versions[0].state}"
    say({"trained": name, "told": told}, told, as_json=as_json)
    if came.failure:
        raise typer.Exit(1)


@models.command()
def score(name: Name, as_json: Json = False) -> None:
    """Have customers scored now, beside the schedule."""
    from store.predictions import ask_scoring

    now = settings().clock.now()
    if not with_database(lambda database: ask_scoring(database, name, now)):
        _unknown(name)
    told = f"customers are scored by {name} as soon as {_TRAINER} takes it up; what came of it: journeys models list"
    say({"asked": name}, told, as_json=as_json)


@models.command()
def why(
    customer: Annotated[str, typer.Argument(metavar="USER", help="The customer's userId, or what --by says.")],
    by: Annotated[By | None, typer.Option(help="What USER is; left out: a userId, else the customer's id here.")] = None,
    as_json: Json = False,
) -> None:
    """Say why a customer has their scores: the strongest reasons of each, in words (this is personal data)."""
    from segments.ask.declared import declared
    from segments.ask.foretold import foretold
    from segments.predictions.reasons import AGAINST
    from workers.cli import tables

    names = [named(by or By.USER_ID, customer)]
    with suppress(ValueError):
        names += [] if by else [(By.CUSTOMER_ID.value, str(UUID(customer)))]

    async def work(database: "Database") -> "Sequence[Foretold]":
        from store.lists import resolve

        async with database.transaction() as connection:
            found = [each for each in await resolve(connection, names) if each]
        return await foretold(database, await declared(database, _catalogue()), found[0] if found else fail("no such customer"))

    def drawn(found: "Sequence[Foretold]") -> "Iterable[RenderableType]":
        for each in found:
            yield f"{each.prediction}: {_score(each)}, by version {each.version}, as of {_at(each.as_of)} UTC"
            yield from (f"  {reason.words}" for reason in each.reasons)
            if any(reason.effect is not None for reason in each.reasons):
                yield f"  ({AGAINST})"
            if each.unexplained:
                yield f"  no reasons: {each.unexplained}"
        if not found:
            yield "nothing is foretold of this customer"

    tables.show(with_database(work), drawn, as_json=as_json)


@models.command()
def customers(
    name: Name,
    band: Annotated[
        int | None,
        typer.Option(
            min=1, max=10, help="Which tenth: of probabilities of the score (10 is 0.9 and more), else of the customers."
        ),
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Of what sorts customers, into which kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="At most so many.")] = 10,
    as_json: Json = False,
) -> None:
    """Show some customers, of all or of a tenth or a kind, the highest score first, and why (this is personal data)."""
    from api.models.looking import customers as found
    from workers.cli import tables

    catalogue = _catalogue()

    def drawn(rows: "Sequence[CustomerView]") -> "Iterable[RenderableType]":
        cells = [
            (str(each.customer_id), _score(each), "\n".join(r.words for r in each.reasons) or each.unexplained or "")
            for each in rows
        ]
        table = tables.Rows(("customer", "score", "why"), cells, sentences=frozenset({"why"}))
        return [table] if cells else ["nobody has such a score"]

    tables.show(
        with_database(lambda database: found(database, catalogue, name, limit, band=band, kind=kind)), drawn, as_json=as_json
    )


@models.command()
def demo(as_json: InJson = False) -> None:
    """Give `journeys dev` an invented shop's past, and train `churn` by it: a prediction to look at, in about a minute.

    600 customers with an order history of 14 months, whom nothing can reach. Only for the stack that runs on this directory.
    """
    from datetime import timedelta

    from store.predictions import ask_training
    from workers.cli.customers.history import bring
    from workers.demo.past import calls
    from workers.embedded.beside import beside
    from workers.embedded.vault import running
    from workers.training.process import missing

    given = settings()
    stack = running(given.data_dir)
    if stack is None or beside(given) is given:
        fail("no `journeys dev` runs here; start it in another terminal: invented customers are for a stack of one's own")
    if lacking := missing():
        fail(f"training needs an extra ({', '.join(lacking)}): pip install 'journeys[predictions]'")
    now, catalogue = given.clock.now(), _catalogue()
    # By whole days, so that the command, repeated on the same day, brings nothing twice.
    until = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=1)
    past = calls(until)
    brought = with_database(lambda database: bring(database, past))
    if not as_json:
        typer.echo(f"{brought['accepted']:,} events of an invented past are in, as {brought['source']}")
    if _DEMO not in catalogue:
        with_database(lambda database: _declare_demo(database, catalogue, now))
    before = with_database(_appears)
    with_database(lambda database: ask_training(database, _DEMO, now))
    _wait(before)
    came = _detail(_DEMO)
    if came.failure:
        fail(came.failure)
    where = f"{stack.api}/console/models/{_DEMO}"
    champion = next(each.card["told"] for each in came.versions if each.state == "champion")
    told = f"{came.people:,} customers have a score of {_DEMO}: {champion}\nlook: journeys models show {_DEMO}, or {where}"
    say({"prediction": _DEMO, "events": brought["accepted"], "people": came.people, "console": where}, told, as_json=as_json)


async def _declare_demo(database: "Database", catalogue: "Mapping[str, Declared]", now: datetime) -> None:
    """As a product team would, by API."""
    from journeys import Prediction, days, did, engagement, rfm
    from segments.define.foretelling import declare as written

    ordered = did("Order Completed")
    churn = Prediction(
        _DEMO,
        of=ordered.at_least(2),
        label=~ordered.within(days=60),
        horizon=days(60),
        features=rfm() + engagement(),
        never=frozenset({"sex", "age"}),
    )
    await written(database, catalogue, churn, by=whoever(), at=now, waits=predictions_need_approval())


async def _appears(database: "Database") -> "PredictionRow":
    """Once a worker has taken it up, which is a matter of seconds."""
    import asyncio

    from store.predictions import found

    for _ in range(_PATIENCE):
        if rows := await found(database, _DEMO):
            return rows[0]
        await asyncio.sleep(_LOOK)
    return fail(f"no worker has taken up {_DEMO} in a minute; has somebody to approve it (`journeys models approve`)?")


@models.command()
def declare(
    file: Annotated[
        Path,
        typer.Argument(help="JSON as `PUT /v1/models/{name}` takes it, with its name; `show --json` has it too; -: stdin."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say of how many customers it is, and whether that is enough to train by.")
    ] = False,
    as_json: InJson = False,
) -> None:
    """Declare a prediction from a JSON file, or change one; every process takes it up within seconds."""
    from api.models.bodies import CheckedPrediction, DeclaredView

    found, catalogue, now = _read(file), _catalogue(), settings().clock.now()

    async def trying(database: "Database") -> CheckedPrediction:
        from segments.define.foretelling import tried
        from store.segments.declarations import versions

        look = await tried(database, catalogue, found, now)
        stands = next((each for each in await versions(database, found.name) if not each.waits), None)
        return CheckedPrediction.of(found, look, stands.definition if stands else None, waits=predictions_need_approval())

    async def declaring(database: "Database") -> DeclaredView:
        from segments.define.foretelling import declare as written

        waits, own = predictions_need_approval(), settings().personal_traits
        return DeclaredView.of(found, await written(database, catalogue, found, by=whoever(), at=now, waits=waits, own=own))

    if dry_run:
        would = with_database(trying)
        lines = [would.english, f"it is of {would.people or 0:,} customers now; {would.told}"]
        lines += ["somebody else has to approve it"] if would.needs_approval else []
        say(would.model_dump(mode="json"), "\n".join([*lines, "nothing was written"]), as_json=as_json)
        return
    done = with_database(declaring)
    what = "stands so already:" if done.unchanged else "declared" if done.new else "changed"
    told = f"{what} {done.english}"
    if done.waits_for_approval:
        told += f"\nit holds once somebody else approves it: journeys models approve {done.name}"
    say(done.model_dump(mode="json"), told, as_json=as_json)


@models.command()
def approve(name: Name, as_json: InJson = False) -> None:
    """Let a declaration hold that somebody else has written; whoever wrote it does not approve it."""
    from segments.define.foretelling import approve as let

    catalogue, now, own = _catalogue(), settings().clock.now(), settings().personal_traits
    done = with_database(lambda database: let(database, catalogue, name, by=whoever(), at=now, own=own))
    if done is None:
        _undeclared(name)
    say({"approved": name, "number": done.number}, f"version {done.number} of {name} holds", as_json=as_json)


@models.command()
def delete(name: Name, as_json: InJson = False) -> None:
    """Take a prediction that was declared by API or `declare` out of use; its scores go, and nobody trains it any more."""
    from segments.define.foretelling import undeclare

    catalogue, now, own = _catalogue(), settings().clock.now(), settings().personal_traits
    if not with_database(lambda database: undeclare(database, catalogue, name, by=whoever(), at=now, own=own)):
        _undeclared(name)
    say({"deleted": name}, f"{name} is out of use", as_json=as_json)


def _read(file: Path) -> "Declared":
    """A declaration in a file; what is wrong with it ends the command."""
    from pydantic import ValidationError

    from api.models.bodies import PredictionBody
    from api.models.declaring import read
    from api.problems import Problem

    try:
        text = typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text(encoding="utf-8")
        body = PredictionBody.model_validate_json(text)
        return read(body.name or file.stem, body)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {getattr(error, 'strerror', None) or 'is not UTF-8'}")
    except ValidationError as error:
        fail("; ".join(f"{'.'.join(map(str, e['loc'])) or file}: {e['msg']}" for e in error.errors(include_url=False)))
    except Problem as error:
        fail(error.detail)


def _catalogue() -> "Mapping[str, Declared]":
    from workers.definitions import load_definitions

    return load_definitions(settings().catalogue, doubts=False)[0].predictions


def _undeclared(name: str) -> NoReturn:
    fail(f"no prediction {name!r} was declared by API or `declare`; `journeys models list` shows all that there are")


def _detail(name: str) -> "ModelDetail":
    from api.models.detail import detail

    now, catalogue = settings().clock.now(), _catalogue()
    found = with_database(lambda database: detail(database, catalogue, name, now))
    if found is None:
        _unknown(name)
    return found


def _card(found: "ModelDetail") -> "Iterable[RenderableType]":
    from workers.cli import tables

    if found.state == "training":
        yield f"{found.name}: {found.state}" + (f"; the last try failed: {found.failure}" if found.failure else "")
    elif found.failure:
        yield f"{found.name}: {found.state}, since the last try failed: {found.failure}"
        if found.held_why and found.failure not in found.held_why:
            yield f"nobody new comes in: {found.held_why}"
    else:
        yield f"{found.name}: {found.state}" + (f", since {found.held_why}" if found.held_why else "")
    if found.doing:
        yield f"now: {found.doing}"
    champion = next((each for each in found.versions if each.state == "champion"), None)
    if champion is not None:
        yield from _CARDS[found.kind](champion.version, champion.card)
    yield from _shape(found)
    if found.outcomes:
        came = [(_at(o.as_of), f"{o.people:,}", f"{o.foretold:,.3f}", f"{o.came:,.3f}") for o in found.outcomes[-8:]]
        yield tables.Rows(
            ("as of (UTC)", "people", "foretold", "came"),
            came,
            title="What has come of its scores since, whose horizon has passed",
            ahead=4,
        )
    if found.weeks:
        yield tables.Rows(_WEEKS, [_week(each) for each in found.weeks[-26:]], title=_BY_WEEK, ahead=7)
    if found.trial is not None:
        divided = ", ".join(f"{people:,} by {family}" for family, people in found.trial.scored.items())
        yield f"On trial: {found.trial.family}, by {found.trial.share:.0%} of the customers ({divided}). {found.trial.sentence}"
    if found.acting is not None:
        yield from _acting(found.acting)
    heads = ("version", "state", "trained (UTC)", "how good", "against")
    rows = [
        (str(each.version), each.state, _at(each.trained_at), each.card.get("told", "-"), _against(each.card.get("against")))
        for each in found.versions
    ]
    yield tables.Rows(heads, rows, title="Models", ahead=3, sentences=frozenset({"how good", "against"}))


def _shape(found: "ModelDetail") -> "Iterable[RenderableType]":
    """How scores lie, as far as anybody has one."""
    from workers.cli import tables

    if found.people and found.bands:
        most = max(found.bands)
        tenths = [
            (f"{tenth * 10}-{tenth * 10 + 10} %", f"{count:,}", _bar(count, most)) for tenth, count in enumerate(found.bands)
        ]
        yield tables.Rows(("score", "customers", ""), tenths, title="Customers by score", ahead=3)
    if found.spread:
        form = ".1%" if found.kind == "uplift" else ",.2f"
        rows = [
            (f"{tenth * 10} %", f"{score:{form}}", _bar(score, found.spread[-1])) for tenth, score in enumerate(found.spread)
        ]
        yield tables.Rows(("of the customers have at most", "score", ""), rows, title="How scores lie", ahead=3)
    if found.sizes:
        most = max(found.sizes.values())
        rows = [(name, f"{people:,}", _bar(people, most)) for name, people in found.sizes.items()]
        yield tables.Rows(("kind", "customers", ""), rows, title="Customers by kind", ahead=3, sentences=frozenset({"kind"}))


def _measured(version: int, card: dict[str, Any]) -> "Iterable[RenderableType]":
    from segments.predictions.reasons import MATTERS
    from workers.cli import tables

    measures, people = card["measures"], card["people"]
    yield f"version {version}, {card['family']}: whether who {card['of']} {card['label']}, {card['horizon'] / 86_400:g} days on"
    window = " to ".join(_at(datetime.fromisoformat(each)) for each in card["window"])
    yield f"trained by {people['fitted']:,} rows as of {window}; judged by {people['judged']:,} people whom it had not seen:"
    yield (
        f"AUC {_share(measures['auc'])}, Brier {measures['brier']:.3f}, log loss {measures['log_loss']:.3f},"
        f" off by {measures['calibration_error']:.3f} on average; it comes true for {measures['share']:.1%}"
    )
    rows = [
        (f"{each['people']:,}", f"{each['foretold']:.1%}", f"{each['came']:.1%}", _two(each["foretold"], each["came"]))
        for each in measures["calibration"]
    ]
    title = "Are its probabilities true? (━ came, ┃ foretold)"
    yield tables.Rows(("people", "foretold", "came", ""), rows, title=title, ahead=4)
    if rival := card.get("rival"):
        than = "better by more than chance than" if rival["by_more_than_chance"] else "not worse by more than chance than"
        losses = f"log loss {rival['winners_log_loss']:.4f} and {rival['log_loss']:.4f} of the same {rival['people']:,} people"
        yield f"{rival['won']} is {than} {rival['family']}: {losses}"
    if card["never"]:
        yield f"it never looks at: {', '.join(card['never'])}"
    matters = {name: by for name, by in card["importance"].items() if by >= MATTERS}
    little = len(card["importance"]) - len(matters)
    left_out = f" ({little} more do not matter)" if little else ""
    title, told = f"What it goes by{left_out}", frozenset({"feature"})
    yield tables.Rows(("feature", "matters", ""), _importance(card, matters), title=title, ahead=3, sentences=told)


def _worth(version: int, card: dict[str, Any]) -> "Iterable[RenderableType]":
    from workers.cli import tables

    trial, people = card["measures"], card["people"]
    yield f"version {version}, {card['family']}: of who {card['of']}, what they bring in {card['horizon'] / 86_400:g} days"
    yield f"fitted to {people['fitted']:,} customers; tried on {people['judged']:,}, {trial['days']:,.3g} days before:"
    yield card["told"]
    yield card["interval"].get("told") or f"{trial['inside']:.0%} brought what lies in their interval"
    heads = ("purchases before", "people", "orders foretold", "came", "money foretold", "came ")
    rows = [
        (
            *(each["purchases"], f"{each['people']:,}", f"{each['orders']:.3f}", f"{each['came_orders']:.3f}"),
            *(f"{each['value']:,.2f}", f"{each['came_value']:,.2f}"),
        )
        for each in trial["groups"]
    ]
    yield tables.Rows(heads, rows, title="Are its amounts true? (of a customer, on average)", ahead=6)


def _kinds(version: int, card: dict[str, Any]) -> "Iterable[RenderableType]":
    from workers.cli import tables

    yield f"version {version}, {card['family']}: of who {card['of']}; {card['told']}"
    rows = [(each["name"], str(each["id"]), f"{each['people']:,}", each["words"]) for each in card["kinds"]]
    heads = ("kind", "number", "people", "what sets it apart")
    yield tables.Rows(heads, rows, title="Kinds of the sample", ahead=4, sentences=frozenset({"kind", "what sets it apart"}))
    if alike := card.get("alike"):
        yield f"all have the same, so nothing is told of it: {', '.join(card['features'][name] for name in alike)}"
    if stability := card["stability"]:
        yield f"against version {stability['version']}: agreement {stability['agreement']:.2f} (1 is all, 0 is chance)"


def _options(version: int, card: dict[str, Any]) -> "Iterable[RenderableType]":
    from workers.cli import tables

    yield f"version {version}, {card['family']}: of who {card['of']}; {card['told']}"
    rows = [
        (each["name"], f"{each['people']:,}", f"{each['sent']:,}", f"{each['answered']:,}", f"{each['rate']:.1%}")
        for each in card["options"]
    ]
    yield tables.Rows(("option", "people", "sent", "answered", "expected of all"), rows, title="Options of the sample", ahead=5)
    if trial := card["measures"]:
        by_all = f"by what is expected of all {trial['naive']:.4f}"
        yield f"log loss of the {trial['messages']:,} messages of the last 30 days {trial['log_loss']:.4f}, {by_all}"
        on, off = trial["best"], trial["others"]
        of = "of customers of whom it was sure, answered on their best option"
        yield f"{of}: {on['answered']:,} of {on['messages']:,}, on others {off['answered']:,} of {off['messages']:,}"


def _helps(version: int, card: dict[str, Any]) -> "Iterable[RenderableType]":
    from api.models.views import UpliftView

    yield f"version {version}, {card['family']}: of who {card['of']}, how much acting on {card['by']} helps them"
    yield card["told"]
    yield from _uplift(UpliftView.of(card["measures"]))


#: How the card of each kind is drawn.
_CARDS = {
    "probability": _measured,
    "lifetime-value": _worth,
    "clusters": _kinds,
    "best-channel": _options,
    "best-hour": _options,
    "uplift": _helps,
}


def _state(each: "ModelView") -> str:
    """How it stands, and what is being done."""
    return each.state if each.doing is None else f"{each.state}: {each.doing}"


def _score(each: "Foretold | CustomerView") -> str:
    if each.label is not None:
        return each.label
    return f"{each.score:.1%}" if each.low is None else f"{each.score:,.2f} ({each.low:,.2f} to {each.high:,.2f})"


def _week(each: "WeekView") -> tuple[str, ...]:
    figures = (f"{each.people:,}", f"{each.foretold:.1%}", f"{each.came:.1%}", _share(each.calibration_error), _share(each.auc))
    return str(each.begins), *figures, "-" if each.lift is None else f"{each.lift:.1f}x", _two(each.foretold, each.came)


def _acting(found: "ActingView") -> "Iterable[RenderableType]":
    from workers.cli import tables

    counts = ", ".join(f"{people:,} {arm}" for arm, people in found.exposed.items())
    yield f"Does acting on it help? {100 * found.share:g} % of whom it lets in are left alone; so far {counts}."
    yield from found.sentences
    rows = [
        (
            "all" if each is found.all else f"{100 * each.low:.0f}-{100 * each.high:.0f} %",
            *(f"{each.written:,}", _percent(each.written_came), f"{each.withheld:,}", _percent(each.withheld_came)),
            *(_points(each.difference), _points(each.difference_low), _points(each.difference_high)),
            f"{each.decision}, {each.lacks} lacking" if each.lacks else each.decision,
        )
        for each in (found.all, *found.bands)
    ]
    heads = ("score", "written to", "came true", "left alone", "came true", "points", "from", "to", "decision")
    yield tables.Rows(heads, rows, title="Of whom it came true, a horizon after they were let in", ahead=9)
    if found.uplift is not None:
        yield found.uplift.sentence
        yield from _uplift(found.uplift)


def _uplift(found: "UpliftView") -> "Iterable[RenderableType]":
    from workers.cli import tables

    if not found.curve or found.area is None or found.half is None:
        return
    most = max(abs(gain) for _, gain in found.curve)
    rows = [(f"{share:.0%}", f"{100 * gain:.2f}", _bar(gain, most)) for share, gain in found.curve[2::2]]
    title = f"Writing to the best first (Qini; area {100 * found.area:.2f} ± {100 * found.half:.2f} points)"
    yield tables.Rows(("written to", "points", ""), rows, title=title, ahead=3)
    who = [(str(each["feature"]), f"{each['best']:,.4g}", f"{each['all']:,.4g}") for each in found.who[:5]]
    yield tables.Rows(
        ("feature", "best fifth", "all"), who, title="Whom it helps most (means)", ahead=3, sentences=frozenset({"feature"})
    )


def _importance(card: dict[str, Any], matters: dict[str, float]) -> list[tuple[str, str, str]]:
    found = sorted(matters.items(), key=lambda each: -each[1])
    most = max((by for _, by in found), default=0.0)
    return [(card["features"].get(name, name), f"{by:.4f}", _bar(by, most)) for name, by in found[:15]]


def _bar(value: float, most: float) -> str:
    return "━" * round(_WIDE * max(value, 0.0) / most) if most > 0 else ""


def _two(foretold: float, came: float) -> str:
    """What came as a bar, and what was foretold as a mark."""
    bar = list(("━" * round(_WIDE * came)).ljust(_WIDE + 1))
    bar[round(_WIDE * foretold)] = "┃"
    return "".join(bar)


def _against(match: dict[str, Any] | None) -> str:
    if match is None:
        return "-"
    than = "worse than" if match["worse"] else "not worse than"
    return f"{than} version {match['version']}: log loss {match['new']:.4f}, {match['old']:.4f}"


def _wait(before: "PredictionRow") -> None:
    """Until the training that was asked for is over, and customers are scored; with what is being done, or lacks."""
    import asyncio
    from time import monotonic

    from rich.console import Console

    from store.predictions import found

    name = before.name

    async def work(database: "Database") -> None:
        waits, console, since, due = f"{name} waits for {_TRAINER}", Console(stderr=True), monotonic(), _QUIET
        with console.status(waits) as status:
            while True:
                (row,) = await found(database, name)
                failed = row.failed_at is not None and row.failed_at != before.failed_at
                done = row.trained_at != before.trained_at and row.scored_at != before.scored_at
                if row.asked_at is None and row.doing is None and (failed or done):
                    return
                status.update(f"{name}: {row.doing}" if row.doing else waits)
                if row.doing:
                    since, due = monotonic(), _QUIET
                elif monotonic() - since >= due:
                    told = await _why_nothing(database, row, monotonic() - since)
                    console.print(told, markup=False, highlight=False, soft_wrap=True)
                    due *= 2
                await asyncio.sleep(_LOOK)

    with_database(work)


async def _why_nothing(database: "Database", row: "PredictionRow", waited: float) -> str:
    """Why nothing is being done of what was asked for, and what would help."""
    from store.predictions import found

    busy = next((each for each in await found(database) if each.doing), None)
    if row.asked_at is not None:
        why = "no worker has taken it up (journeys worker)"
    elif busy is not None:
        why = f"one is trained at a time, and {busy.name} is before it ({busy.doing})"
    else:
        why = "nobody trains right now"
    start = "start one by journeys worker --train, which needs pip install 'journeys[predictions]'; journeys dev has one"
    return (
        f"{row.name} has waited for {waited:.0f} seconds: {why}. It takes {_TRAINER}: {start}. Ctrl-C ends this waiting alone."
    )


def _unknown(name: str) -> NoReturn:
    fail(f"no prediction {name!r}; `journeys models list` shows those that there are")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _points(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.1f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _at(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else "never"
