"""What the demo prints: tables that add up, a story that a person can read, a view that fits its output."""

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from rich.console import Console
from rich.table import Table

from store.report import Conversions, Happening, Progress, StepOutcome, Subject
from workers.demo.links import links
from workers.demo.screen import Look, Screen
from workers.demo.summary import conversions_table, counts_table, group_by_step, steps_table
from workers.demo.timeline import spared, tell
from workers.embedded.stack import EmbeddedStack
from workers.settings import Settings

T0 = datetime(2026, 3, 2, 18, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
MARTA = Subject(UUID(int=1), "cart_abandonment/1/2", T0, T0 + 5 * HOUR, "Marta")


def outcome(channel: str, state: str, messages: int, reason: str | None = None) -> StepOutcome:
    after = {"push": timedelta(hours=1, minutes=4), "whatsapp": 24 * HOUR, "email": 72 * HOUR}[channel]
    return StepOutcome(f"{channel}:hello", channel, "hello", state, reason, messages, 0, after)


STEPS = [
    outcome("push", "sent", 90),
    outcome("push", "skipped", 40, "no consent"),
    outcome("push", "skipped", 2, "no reachable endpoint"),
    outcome("whatsapp", "sent", 56),
    outcome("email", "sent", 12),
]


def cells(table: Table) -> list[list[str]]:
    return [list(row) for row in zip(*([str(cell) for cell in column.cells] for column in table.columns), strict=True)]


def headings(table: Table) -> list[str]:
    return [str(column.header) for column in table.columns]


def test_each_step_has_a_row_that_adds_up_with_its_reasons() -> None:
    table = steps_table(group_by_step(STEPS))
    assert headings(table) == ["after entry", "message", "due", "sent", "skipped", "because"]
    assert cells(table) == [
        ["1 h", "push", "132", "90", "42", "40 no consent\n2 no reachable endpoint"],
        ["1 d", "WhatsApp", "56", "56", "0", "-"],
        ["3 d", "email", "12", "12", "0", "-"],
    ]


def test_what_failed_or_is_in_doubt_gets_a_column_of_its_own() -> None:
    doubtful = [*STEPS, outcome("email", "unconfirmed", 3, "provider may have accepted it")]
    table = steps_table(group_by_step(doubtful))
    assert headings(table) == ["after entry", "message", "due", "sent", "skipped", "unconfirmed", "because"]
    assert cells(table)[-1] == ["3 d", "email", "15", "12", "0", "3", "3 provider may have accepted it"]


def test_orders_are_told_by_the_phase_of_the_journey_and_summed() -> None:
    found = [
        Conversions(after_end=False, messages_before=0, currency="EUR", orders=3, revenue=Decimal("1200.50")),
        Conversions(after_end=False, messages_before=1, currency="EUR", orders=2, revenue=Decimal(40)),
        Conversions(after_end=False, messages_before=3, currency="EUR", orders=1, revenue=Decimal(5)),
        Conversions(after_end=True, messages_before=None, currency="USD", orders=1, revenue=Decimal(9)),
    ]
    assert cells(conversions_table(found, ["push", "WhatsApp", "email"])) == [
        ["before the push", "3", "1,200.50 €"],
        ["after the push, before the WhatsApp", "2", "40.00 €"],
        ["after the email", "1", "5.00 €"],
        ["after the journey was over", "1", "9.00 $"],
        ["together", "7", "1,245.50 €, 9.00 $"],
    ]


def test_a_shop_without_orders_has_an_empty_sum() -> None:
    assert cells(conversions_table([], [])) == [["together", "0", "-"]]


def test_questions_without_an_answer_are_left_out() -> None:
    table = counts_table({"Runs ended": {"finished": 2, "goal reached": 1}, "Refused": {}, "Raced": {"raced": 0}})
    assert cells(table) == [["Runs ended", "2 finished\n1 goal reached"]]


def happening(after: timedelta, kind: str, what: str, **detail: Any) -> Happening:
    return Happening(T0 + after, kind, what, {"surface": "web", **detail})


def test_a_story_reads_like_one() -> None:
    sent = {"channel": "push", "template": "cart-reminder", "reason": None, "platform": "android", "surface": None}
    happened = [
        happening(-HOUR, "identify", "$identify", surface="server"),
        happening(timedelta(0), "page", "Page Viewed", name="Home"),
        happening(timedelta(0), "track", "Product Viewed", name="Tent"),
        happening(timedelta(0), "track", "Product Added", name="Tent", price=249.0, currency="EUR"),
        happening(timedelta(0), "segment", "entered", segment="abandoned-cart"),
        happening(timedelta(0), "run", "entered", journey="cart_abandonment"),
        happening(HOUR / 2, "identify", "$identify"),
        happening(HOUR, "message", "sent", due_at=(T0 + HOUR).isoformat(), **sent | {"surface": "web"}),
        happening(2 * HOUR, "message", "skipped", channel="whatsapp", template="cart-link", reason="no consent"),
        happening(5 * HOUR, "track", "Order Completed", total=249.0, currency="EUR", surface="app"),
        happening(5 * HOUR, "run", "ended", outcome="goal reached"),
    ]
    assert [sentence for _, sentence in tell(MARTA, happened)] == [
        "Marta looks at “Tent” on the web",
        "Marta puts “Tent” (249.00 €) into the cart on the web",
        "→ entered the segment abandoned-cart",
        "→ cart_abandonment begins",
        "Marta logs in on the web: from here on we know who it is",
        "→ push cart-reminder sent to the Android phone (due 19:07)",
        "→ WhatsApp cart-link skipped: no consent",
        "Marta orders for 249.00 € in the app",
        "→ the journey is over: goal reached",
    ]


def test_a_product_without_name_or_price_does_not_break_the_story() -> None:
    happened = [happening(HOUR, "track", "Product Added"), happening(HOUR, "track", "Order Completed", total="much")]
    assert [sentence for _, sentence in tell(MARTA, happened)] == [
        "Marta puts something into the cart on the web",
        "Marta orders on the web",
    ]


def test_what_was_not_sent_any_more_is_named_with_the_time_it_was_planned_for() -> None:
    assert list(spared(MARTA, STEPS)) == [
        "not sent any more: the WhatsApp of Tue 03 Mar 18:07",
        "not sent any more: the email of Thu 05 Mar 18:07",
    ]


LOOK = Look(T0, 10, 20, 0.5, Progress(10, 7, 3, 2, 1, 1, {"push": 2}, 0))


def test_without_a_terminal_a_line_is_printed_now_and_then_and_no_control_character() -> None:
    out = io.StringIO()
    screen = Screen(Console(file=out, width=80), "demo")
    with screen.open():
        for _ in range(3):
            screen.show(LOOK)
    assert out.getvalue() == (
        "Mon 02 Mar 18:07  calls 10/20  customers 7  in segment 3  runs 2 open, 1 ended"
        "  sent 2 push, 0 WhatsApp, 0 email  converted 1\n"
    )


def test_on_a_terminal_the_panel_stays_in_place() -> None:
    out = io.StringIO()
    screen = Screen(Console(file=out, width=80, force_terminal=True), "demo")
    with screen.open():
        screen.show(LOOK)
    shown = out.getvalue()
    assert "Mon 02 Mar 18:07" in shown
    assert "2 push, 0 WhatsApp, 0 email" in shown


def test_links_lead_to_the_runs_and_to_the_messages_of_the_one_that_was_told(tmp_path: Path) -> None:
    stack = EmbeddedStack(Settings(data_dir=tmp_path), ui_url="http://h:1", api_url="http://h:2", sandbox_url="http://h:3")
    run_id = uuid4()
    days = date(2026, 3, 2), date(2026, 3, 9)
    found = links(stack, "cart_abandonment", run_id, MARTA, days)
    assert list(found.values()) == [
        "http://h:1/namespaces/default/workflows?query=%60Journey%60%3D%22cart_abandonment%22",
        "http://h:1/namespaces/default/workflows/cart_abandonment%2F1%2F2",
        f"http://h:3/?q={run_id}",
        "http://h:3",
        "http://h:2/console",
        "http://h:2/docs",
        f"env JOURNEYS_DATA_DIR={tmp_path} journeys report messages --from 2026-03-02 --to 2026-03-10",
    ]
    assert len(links(stack, "cart_abandonment", None, None, days)) == 5
