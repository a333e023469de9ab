"""How one customer is given an option: by lots that stay, with the chance that is written down, and with a reason in words."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest

from journeys import CatalogueError, Conversion, Option, purchases, trait
from journeys.deciding.drawing import Asked, By, Pick, in_control, in_words, pick
from journeys.deciding.learning import Allocation, Seen, allocate, shares
from journeys.deciding.options import Choice, Method, State

CHOICE = Choice("subject", {"option": {name: Option() for name in ("plain", "emoji", "long")}}, Conversion(by=purchases))
AT_ONCE = replace(
    CHOICE,
    name="back",
    dimensions={"channel": {"email": Option(), "push": Option()}, "offer": {"none": Option(), "ten": Option(budget=5)}},
    context={"gold": trait("tier") == "gold"},
)
LEARNED = allocate(CHOICE, {("", 0): Seen(900, 45, 45), ("", 1): Seen(900, 63, 63), ("", 2): Seen(900, 40, 40)}, 3)
PEOPLE = [UUID(int=n * 2_654_435_761) for n in range(6_000)]


def drawn(
    choice: Choice = CHOICE, allocation: Allocation = LEARNED, state: State = State.LEARNS, **left_out: str
) -> list[Pick]:
    found = [pick(choice, Asked(who, 0), allocation, state, left_out) for who in PEOPLE]
    return [each for each in found if each is not None]


def test_each_is_drawn_as_often_as_its_propensity_says() -> None:
    given = [each for each in drawn() if each.by is not By.CONTROL]
    for name in CHOICE.names:
        (chance,) = {each.propensity for each in given if each.name == name}
        assert sum(each.name == name for each in given) / len(given) == pytest.approx(chance, abs=0.02)
        assert shares(CHOICE, LEARNED, {})[name] == pytest.approx(chance)
    assert sum({each.name: each.propensity for each in given}.values()) == pytest.approx(1)


def test_a_tenth_is_drawn_evenly_and_another_tenth_of_the_customers_always_gets_the_authors_choice() -> None:
    by = Counter(each.by for each in drawn())
    assert by[By.CONTROL] / len(PEOPLE) == pytest.approx(0.1, abs=0.015)
    assert by[By.FLOOR] / (len(PEOPLE) - by[By.CONTROL]) == pytest.approx(0.1, abs=0.015)
    floor = Counter(each.name for each in drawn() if each.by is By.FLOOR)
    assert all(count / by[By.FLOOR] == pytest.approx(1 / 3, abs=0.08) for count in floor.values())
    control = [who for who in PEOPLE if in_control(CHOICE, who)]
    for before in range(3):
        again = [pick(CHOICE, Asked(who, before), LEARNED, State.LEARNS, {}) for who in control]
        assert {each and each.name for each in again} == {"plain"}


def test_a_draw_that_is_made_again_is_the_same_and_the_next_one_is_another() -> None:
    assert drawn() == drawn()
    next_ones = [pick(CHOICE, Asked(who, 1), LEARNED, State.LEARNS, {}) for who in PEOPLE]
    assert sum(one == other for one, other in zip(drawn(), next_ones, strict=True)) < len(PEOPLE) * 0.95


def test_what_is_left_out_is_given_to_nobody_and_counts_on_no_floor() -> None:
    given = drawn(AT_ONCE, Allocation(), **{"offer: ten": "its budget is spent"})
    assert {each.combination[1] for each in given} == {"none"}
    assert not any(each.measured_on_floor for each in given)
    assert {each.propensity for each in given} == {0.5, 1.0}, "by the draw as it was made, of what was allowed"
    assert drawn(AT_ONCE, Allocation(), **{"channel: email": "x", "channel: push": "x"}) == []


def test_an_operator_gives_everybody_the_authors_choice_or_the_first_that_is_allowed() -> None:
    assert {each.name for each in drawn(state=State.FIXED)} == {"plain"}
    assert {each.name for each in drawn(state=State.FIXED, **{"option: plain": "not for them"})} == {"emoji"}


@pytest.mark.parametrize("method", list(Method))
def test_why_is_told_in_words(method: Method) -> None:
    choice = replace(AT_ONCE, method=method)
    seen = {("gold", n): Seen(500, 40 + 30 * (n == 3), 40 + 30 * (n == 3)) for n in range(4)}
    learned = allocate(choice, seen | {("", n): Seen(500, 40, 40) for n in range(4)}, 7)
    given = pick(choice, Asked(PEOPLE[1], 0, "gold"), learned, State.LEARNS, {"offer: none": 'only for: tier is "gold"'})
    assert given is not None
    assert given.by is By.LEARNED
    told = in_words(choice, given.name, given.to_json(), "gold", given.propensity)
    assert told[0].startswith(f"{given.name} was drawn by what has brought most so far: it was the best in ")
    assert told[1] == "It was chosen for customers of whom this holds: gold."
    assert any("ten for gold" in each and "points more than the average." in each for each in told), told
    assert told[-1] == 'offer: none was left out (only for: tier is "gold").'


def test_where_nothing_was_learned_yet_no_guess_is_told_of() -> None:
    """Guesses of nothing are even draws: "the best in 25 of 100" would say that somebody had looked."""
    given = next(each for each in drawn(allocation=Allocation()) if each.by is By.LEARNED)
    (told, *_) = in_words(CHOICE, given.name, given.to_json(), "", given.propensity)
    assert told == f"{given.name} was drawn evenly, since nothing has been learned of it yet (33.3 % likely)."


def test_money_of_an_option_of_which_nothing_came_yet_is_not_given_up() -> None:
    """Its own variance is nothing; by that of all it may still be as good as any."""
    money = replace(CHOICE, reward=replace(CHOICE.reward, kpi="revenue"))
    learned = allocate(money, {("", 0): Seen(400, 900, 60_000), ("", 1): Seen(30, 0, 0), ("", 2): Seen(400, 850, 55_000)}, 1)
    assert shares(money, learned, {})["emoji"] > 0.1


def test_it_is_the_same_again_from_json() -> None:
    for choice in (CHOICE, AT_ONCE):
        assert Choice.from_json(choice.to_json()).digest == choice.digest
    assert Allocation.from_json(3, LEARNED.to_json()).chances("", range(3)) == LEARNED.chances("", range(3))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "$x"}, r"names with \$ are ours"),
        ({"dimensions": {"option": {"one": Option()}}}, "option has one option"),
        ({"floor": 0}, "floor=0 is no share"),
        ({"control": 1}, "control=1 is no share"),
        ({"dimensions": {str(n): dict.fromkeys("abcd", Option()) for n in range(5)}}, "more than 256 combinations"),
        ({"dimensions": {"a": {"x_y": Option(), "x": Option()}, "b": {"z": Option(), "y_z": Option()}}}, "one name"),
        ({"context": {str(n): trait("tier") == "gold" for n in range(5)}}, "more than 4 things"),
        ({"method": "best"}, "no method 'best'"),
    ],
)
def test_what_is_no_choice_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(CatalogueError, match=told):
        replace(CHOICE, **changes)
    with pytest.raises(CatalogueError, match="no number of customers"):
        Option(budget=-1)
