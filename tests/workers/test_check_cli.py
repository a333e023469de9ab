"""E9, D2: `journeys check` and the other commands' first look at the catalogue, from where a user stands."""

import json
import subprocess
import sys
from importlib.util import spec_from_file_location
from pathlib import Path
from secrets import token_hex
from types import ModuleType

import pytest

from journeys.place import hidden_room
from tests.command_line import environment, freshly, journeys

GOOD = """\
from journeys import Journey, journey

@journey()
async def hello(j: Journey) -> None:
    await j.push("hello")
"""
BAD = GOOD.replace("await j.push", "j.push").replace("journey()", "journey(reentry='once')")


def written(folder: Path, name: str, source: str) -> Path:
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text(source)
    (package / "hello.push.yaml").write_text("title: Hello\nbody: there\n")
    return package


def test_a_catalogue_that_loads_is_said_so_in_one_line(tmp_path: Path) -> None:
    written(tmp_path, "acme", GOOD)
    finished = freshly("check", cwd=tmp_path, catalogue="acme")
    assert (finished.returncode, finished.stdout) == (0, "acme: 1 journey, 0 segments, 1 template; it loads\n")
    assert journeys("check", "acme", cwd=tmp_path).stdout == finished.stdout


def test_which_messages_are_also_in_which_languages_is_said(tmp_path: Path) -> None:
    package = written(tmp_path, "acme", GOOD)
    (package / "hello.push.yaml").write_text("language: en\ntitle: Hello\nbody: there\n")
    for language in ("es", "pt-BR"):
        (package / f"hello.{language}.push.yaml").write_text("title: Hola\nbody: ahí\n")
    told = journeys("check", "acme", cwd=tmp_path).stdout.splitlines()
    assert told == ["acme/hello.push.yaml: also in es, pt_BR", "acme: 1 journey, 0 segments, 1 template; it loads"]
    (package / "hello.es.push.yaml").write_text("title: '{{ customer.firstNam }}'\nbody: ahí\n")
    assert "acme/hello.es.push.yaml:1:1: unknown variable customer.firstNam" in journeys("check", "acme", cwd=tmp_path).stdout


def test_every_mistake_has_a_line_that_an_editor_understands(tmp_path: Path) -> None:
    written(tmp_path, "acme", BAD)
    finished = journeys("check", "acme", cwd=tmp_path)
    assert finished.returncode == 1
    rule = "reentry is a rule, not 'once'; write once(), after(days=…), per_key(…), restart() or whenever() [declaration]"
    assert finished.stdout.splitlines() == [
        f"acme/__init__.py:3:1: journey hello: {rule}",
        "acme/__init__.py:5:5: j.push(…) does nothing without await; write await j.push(…) [missing-await]",
    ]


def test_the_same_as_json(tmp_path: Path) -> None:
    written(tmp_path, "acme", BAD + "\nprint('hello')\n")
    finished = journeys("check", "acme", "--json", cwd=tmp_path)
    assert finished.returncode == 1
    first, *others = json.loads(finished.stdout)
    assert first == {
        "file": "acme/__init__.py",
        "line": 5,
        "column": 5,
        "rule": "missing-await",
        "severity": "error",
        "message": "j.push(…) does nothing without await",
        "remedy": "write await j.push(…)",
    }
    assert [each["line"] for each in others] == [7]
    assert json.loads(journeys("check", "--json", cwd=tmp_path).stdout) == []


def test_what_a_catalogue_prints_is_not_the_answer(tmp_path: Path) -> None:
    written(tmp_path, "acme", "from acme_noise import said\n" + GOOD)
    (tmp_path / "acme_noise.py").write_text("said = sorted({'a': print}, key=print)\n")
    finished = journeys("check", "acme", "--json", cwd=tmp_path)
    assert {each["file"] for each in json.loads(finished.stdout)} == {"acme_noise.py"}


@pytest.mark.parametrize("command", ["dev", "worker", "api"])
def test_a_catalogue_that_does_not_load_is_told_before_anything_starts(command: str, tmp_path: Path) -> None:
    written(tmp_path, "acme", BAD)
    nobody = {"database_url": "postgresql://127.0.0.1:9/d", "temporal_address": "127.0.0.1:9", "secret": token_hex(32)}
    finished = journeys(command, cwd=tmp_path, catalogue="acme", api_port="0", **nobody)
    assert (finished.returncode, finished.stdout) == (1, "")
    told = finished.stderr.splitlines()
    assert told[0] == "journeys: the catalogue 'acme' does not load:"
    assert [line.partition(": ")[0] for line in told[1:]] == ["acme/__init__.py:3:1", "acme/__init__.py:5:5"]
    assert not (tmp_path / ".journeys").exists()


def test_a_folder_here_that_is_called_like_a_room_of_ours_hides_nothing(tmp_path: Path) -> None:
    """D2."""
    for room in ("api", "store", "segments"):
        written(tmp_path, room, "raise RuntimeError('not ours')")
    written(tmp_path, "acme", GOOD)
    for path in ((), [str(tmp_path)]):
        finished = freshly("check", "acme", cwd=tmp_path, path=path)
        assert (finished.stdout, finished.stderr) == ("acme: 1 journey, 0 segments, 1 template; it loads\n", "")


def test_a_folder_that_hides_a_room_of_ours_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D2: what was imported before anybody could look, such as `workers` by the program that starts us."""
    theirs = ModuleType("store")
    theirs.__spec__ = spec_from_file_location("store", written(tmp_path, "store", "") / "__init__.py")
    monkeypatch.setitem(sys.modules, "store", theirs)
    assert hidden_room() == (f"the folder {tmp_path / 'store'} hides a package of journeys that is called 'store', too")


def test_a_catalogue_here_that_another_hides_is_told(tmp_path: Path) -> None:
    """D2: `definitions` is also what the reference shop's catalogue is called."""
    written(tmp_path, "definitions", GOOD)
    told = journeys("check", cwd=tmp_path).stdout
    assert "not the folder definitions here: give yours a name of its own and set JOURNEYS_CATALOGUE to that" in told


def test_a_catalogue_that_is_given_as_a_journey_is_told_how_it_is_named(tmp_path: Path) -> None:
    written(tmp_path, "acme", GOOD)
    for command in ("lint", "graph"):
        said = journeys(command, "acme", cwd=tmp_path, catalogue="acme")
        assert said.returncode == 1
        assert "no journey 'acme', but a catalogue: write --catalogue acme" in said.stderr


def test_what_hangs_in_c_is_left_with_its_journey_its_line_and_the_limit(tmp_path: Path) -> None:
    never = "import re\n" + GOOD + '    re.match(r"(a+)+$", "a" * 60 + "b")\n'
    written(tmp_path, "acme", never)
    finished = journeys("check", "acme", cwd=tmp_path)
    told = "journey hello does not come to an end: after 2 s of processor time the code is still here"
    remedy = "let the loop end, put a wait into it, or do less at once"
    assert finished.stdout == f"acme/__init__.py:7:5: {told}; {remedy} [endless]\n"
    assert finished.returncode == 1


STUCK = """
from datetime import timedelta
from workers.cli.stuck import ended_when_stuck

with ended_when_stuck(timedelta(seconds=2), timedelta(seconds=2), timedelta(seconds=0.05)):
    import acme_at_work
print("done")
"""


@pytest.mark.parametrize(
    ("does", "code", "said"),
    [
        ("import time\nover = time.process_time() + 2.5\nwhile time.process_time() < over: pass", 0, "done"),
        ("import time\ntime.sleep(60)", 1, "acme_at_work.py:2:1: for 2 s nothing has been done here but to wait"),
        ("sum(range(10**15))", 1, 'acme_at_work.py", line 1 in <module>'),
    ],
)
def test_only_what_is_stuck_ends_the_command(does: str, code: int, said: str, tmp_path: Path) -> None:
    """A busy machine, or a big catalogue, once ended it after a minute whatever it did."""
    (tmp_path / "acme_at_work.py").write_text(does + "\n")
    run = [sys.executable, "-c", STUCK]
    finished = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment([], {}))
    assert finished.returncode == code, finished.stderr
    assert said in finished.stdout + finished.stderr


def test_a_catalogue_is_named_alike_for_every_command(tmp_path: Path) -> None:
    package = written(tmp_path, "acme", GOOD)
    told = journeys("check", "acme", cwd=tmp_path).stdout
    assert "acme: 1 journey" in told
    for named in (("--catalogue", "acme"), (str(package),), (f"../{tmp_path.name}/acme",)):
        assert journeys("check", *named, cwd=tmp_path).stdout == told
    doubts = journeys("lint", "--catalogue", "acme", cwd=tmp_path).stdout
    assert journeys("lint", "--catalogue", str(package), cwd=tmp_path).stdout == doubts
    elsewhere = journeys("check", str(package), cwd=package)
    assert (elsewhere.returncode, "is not below this folder: stand in the one that holds" in elsewhere.stderr) == (1, True)


SHORT = """\
from journeys import Effect, Journey, Plan, Segment, did, journey, purchases

carts = Segment("carts", did("Product Added").within(days=1))

@journey(entry=carts, goal=purchases, holdout=0.5, plan=Plan(people=400, effect=Effect(0.03, 0.1)))
async def hello(j: Journey) -> None:
    \"\"\"Says hello.\"\"\"
    await j.push("hello")
"""


def test_gov_03_who_counts_people_is_told_once_that_a_plan_is_too_small(tmp_path: Path, dsn: str) -> None:
    written(tmp_path, "acme", SHORT)
    alone = journeys("lint", "--json", cwd=tmp_path, catalogue="acme")
    told = journeys("lint", "--json", "--database", cwd=tmp_path, catalogue="acme", database_url=dsn)
    for each, said in ((alone, "its holdout is"), (told, "$holdout/hello is")):
        [small] = [one for one in json.loads(each.stdout) if one["rule"] == "too-small"]
        assert f"{said} too small for its effect." in small["message"]
