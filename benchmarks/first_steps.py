"""The README's first steps from a clean clone, timed: from nothing to the first message, in seconds.

`python -m benchmarks.first_steps` clones what is committed here into a folder of its own, installs it from its lock, writes the
README's journey, starts `journeys dev`, sends the README's two events, and waits for the push at the sandbox provider.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_LONGEST = 900


def main() -> None:
    """Time each step, and print it."""
    with tempfile.TemporaryDirectory(prefix="first-steps-") as folder:
        clone = Path(folder) / "journeys"
        steps: list[tuple[str, Callable[[], Any]]] = [
            ("clone", lambda: _run("git", "clone", "-q", str(ROOT), str(clone), cwd=ROOT)),
            ("install from the lock", lambda: _run("make", ".venv/.installed", cwd=clone)),
            ("write the journey of the README", lambda: _write(clone)),
            ("journeys check", lambda: _run(".venv/bin/journeys", "check", cwd=clone)),
        ]
        began = time.perf_counter()
        for name, step in steps:
            _timed(name, step)
        with _started(clone) as urls:
            _timed("the two events", lambda: _events(clone, urls["api"]))
            _timed("the push is there", lambda: _until(lambda: "Welcome, Ana!" in _get(urls["messages"])))
        print(f"{'from a clean clone to the first message':<42}{time.perf_counter() - began:>8.1f} s", flush=True)


def _timed(name: str, step: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    done = step()
    print(f"{name:<42}{time.perf_counter() - began:>8.1f} s", flush=True)
    return done


def _environment() -> dict[str, str]:
    """Nothing of the caller's Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("JOURNEYS_", "PYTHON", "VIRTUAL_ENV"))}


def _run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=_environment(), capture_output=True, text=True, check=False, timeout=_LONGEST)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def _five_minutes() -> str:
    return (ROOT / "README.md").read_text().partition("\n## Your first journey in five minutes\n")[2].partition("\n## ")[0]


def _write(clone: Path) -> None:
    text = _five_minutes()
    blocks = [(kind, dedent(body)) for _, kind, body in _BLOCK.findall(text)]
    first = {kind: next(body for each, body in blocks if each == kind) for kind in ("python", "yaml", "html")}
    names = re.findall(r"`definitions/(welcome/[\w.]+)`", text)
    for name, body in zip(names, first.values(), strict=True):
        path = clone / "definitions" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(body)


@contextmanager
def _started(clone: Path) -> Iterator[dict[str, str]]:
    """`journeys dev` until the end of the block, once it has answered."""
    command = [".venv/bin/journeys", "dev"]
    running = subprocess.Popen(
        command, cwd=clone, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield _timed("journeys dev is up", lambda: _addresses(clone, running))
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)


def _addresses(clone: Path, running: "subprocess.Popen[str]") -> dict[str, str]:
    """The pages that it prints, as soon as it has printed the keys."""
    told = ""
    assert running.stdout is not None
    for line in running.stdout:
        told += line
        if (clone / ".journeys" / "keys.json").exists() and "operate" in told:
            break
    found = re.findall(r"http://[\w.]+:\d+\S*", told)
    return {"messages": next(each for each in found if ":809" in each), "api": next(each for each in found if ":808" in each)}


def _events(clone: Path, api: str) -> None:
    key = json.loads((clone / ".journeys" / "keys.json").read_text())["ingest"]
    text = "\n".join(dedent(body) for _, kind, body in _BLOCK.findall(_five_minutes()) if kind == "console")
    for command in re.findall(r"^\$ (curl .*(?:\n(?!\$ ) +.*)*)", text, re.MULTILINE):
        done = subprocess.run(
            ["sh", "-c", command.replace("http://localhost:8080", api).replace("localhost:8080", api)],
            env={**_environment(), "INGEST_KEY": key},
            capture_output=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stderr.decode())


def _get(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def _until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + _LONGEST
    while not true():
        if time.monotonic() > ends:
            sys.exit("it never came")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
