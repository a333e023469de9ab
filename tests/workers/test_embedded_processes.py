"""No child outlives its parent, however the parent ends; what a child started itself goes with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from workers.embedded.errors import ServerFailed
from workers.embedded.processes import Children

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
IGNORES_SIGTERM = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
STUBBORN = [sys.executable, "-c", IGNORES_SIGTERM]
WITH_CHILD = ["sh", "-c", "sleep 600 & echo $! ; wait"]

PARENT = """
import sys, time
from datetime import timedelta
from pathlib import Path
from workers.embedded.processes import Children
children, folder = Children(), Path(sys.argv[1])
sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
stubborn = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]
started = [
    children.start("sleeper", sleeper, log=folder / "a.log"),
    children.start("stubborn", stubborn, log=folder / "b.log", grace=timedelta(seconds=0.5)),
    children.start("family", ["sh", "-c", "sleep 600 & echo $! >&2; wait"], log=folder / "c.log"),
]
while not (folder / "c.log").read_text():
    time.sleep(0.01)
print(*(child.process.pid for child in started), (folder / "c.log").read_text().strip(), children._reaper.pid, flush=True)
time.sleep(600)
"""


def eventually(check: Callable[[], bool], *, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not check() and time.monotonic() < deadline:
        time.sleep(0.02)
    return check()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_parent_that_is_killed_leaves_no_processes(how: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 5
        assert all(map(alive, pids))
        parent.send_signal(how)
    assert eventually(lambda: not any(map(alive, pids))), [pid for pid in pids if alive(pid)]


def test_close_stops_the_newest_first(tmp_path: Path) -> None:
    says = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(print(sys.argv[1], time.monotonic_ns())));"
    with Children() as children:
        for name in ("one", "two"):
            command = [sys.executable, "-c", says + " print('up', flush=True); time.sleep(600)", name]
            child = children.start(name, command, log=tmp_path / f"{name}.log")
            assert eventually(lambda child=child: "up" in child.tail())
    ended = {name: int((tmp_path / f"{name}.log").read_text().split()[-1]) for name in ("one", "two")}
    assert ended["two"] < ended["one"]


def test_a_child_that_will_not_end_is_killed_after_its_grace(tmp_path: Path) -> None:
    with Children() as children:
        child = children.start("stubborn", STUBBORN, log=tmp_path / "log", grace=timedelta(seconds=0.3))
        assert eventually(lambda: child.tail() == "up")
        children.stop(child)
        assert child.process.returncode == -signal.SIGKILL


def test_a_child_s_last_words_are_its_own_and_not_those_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("Traceback: yesterday's\n")
    with Children() as children:
        child = children.start("silent", SLEEP, log=tmp_path / "log")
        assert child.tail() == "nothing: it had not said a word"


def test_what_a_child_started_goes_with_it(tmp_path: Path) -> None:
    with Children() as children:
        child = children.start("family", WITH_CHILD, log=tmp_path / "log")
        assert eventually(lambda: child.tail().isdigit())
        children.kill(child)
        assert eventually(lambda: not alive(int(child.tail())))


def test_nothing_starts_after_the_close(tmp_path: Path) -> None:
    children = Children()
    children.start("one", SLEEP, log=tmp_path / "log")
    children.close()
    with pytest.raises(ServerFailed, match="two was not started"):
        children.start("two", SLEEP, log=tmp_path / "log")


def test_ctrl_c_in_the_terminal_does_not_reach_the_children(tmp_path: Path) -> None:
    with Children() as children:
        child = children.start("one", SLEEP, log=tmp_path / "log")
        assert os.getpgid(child.process.pid) != os.getpgid(0)
