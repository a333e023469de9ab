"""Tables where they do not fit: headings are broken, lines of the table go first, and never a heading."""

from io import StringIO

from rich.console import Console

from workers.cli.tables import Rows

TRIAL = ("purchases before", "people", "orders foretold", "came", "money foretold", "came ")
ACTING = ("score", "written to", "came true", "left alone", "came true", "points", "from", "to", "decision")


def drawn(rows: Rows, width: int = 80) -> list[str]:
    console = Console(width=width, file=(out := StringIO()))
    console.print(rows)
    lines = out.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    return lines


def test_headings_are_broken_where_the_cells_would_fit() -> None:
    lines = drawn(Rows(TRIAL, [("0", "12,345", "12.345", "12.345", "12,345.67", "12,345.67")], ahead=6))
    told = " ".join(lines[1:3])
    assert all(word in told for head in TRIAL for word in head.split())


def test_a_table_of_nine_columns_lets_go_of_its_lines_first() -> None:
    row = ("70-80 %", "1,234", "12.3%", "1,234", "12.3%", "-10.5", "-12.1", "+12.1", "higher")
    lines = drawn(Rows(ACTING, [row], title="Of whom it came true", ahead=9))
    told = " ".join(lines)
    assert all(word in told for head in ACTING for word in head.split())
    assert any(line.split() == [part for cell in row for part in cell.split()] for line in lines), "a line for each row"


def test_lines_say_what_their_first_cells_are() -> None:
    rows = Rows(("version", "state", "trained (UTC)", "against"), [("12", "challenger", "2026-11-02 12:00", "x" * 60)], ahead=3)
    lines = drawn(rows)
    assert lines[0].split() == ["version", "state", "trained", "(UTC)"]
    assert lines[-1].strip() == "against: " + "x" * 60
