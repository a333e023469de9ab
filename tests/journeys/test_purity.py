"""The purity law: what a journey's module may not do."""

from pathlib import Path

import pytest

from journeys.check.purity import impurities


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import random", "imports random"),
        ("from time import sleep", "imports time"),
        ("import httpx as h", "imports httpx"),
        ("from datetime import datetime as dt\nx = dt.now()", "dt.now()"),
        ("import datetime as d\nx = d.datetime.now", "d.datetime.now()"),
        ("from uuid import uuid4 as new\nx = new()", "new()"),
        ("import os.path as p", "imports os.path"),
        ("from numpy import random", "imports numpy.random"),
        ("x = hash('a')", "hash()"),
        ("COUNT = 0\ndef f():\n    global COUNT\n    COUNT += 1", "COUNT is the module's"),
        ("SEEN = []\ndef f(x):\n    SEEN.append(x)", "SEEN is the module's"),
        ("SEEN = {}\nasync def f(x):\n    SEEN[x] = 1", "SEEN is the module's"),
        ("class State:\n    runs = 0\ndef f():\n    State.runs += 1", "State is the module's"),
        ("from itertools import count\nids = count()\ndef f():\n    return next(ids)", "ids is the module's"),
        ("from acme import state\ndef f():\n    state.runs = 1", "state is the module's"),
        ("from datetime import datetime\nx = datetime.now()", "datetime.now()"),
        ("import uuid\nx = uuid.uuid4()", "uuid.uuid4()"),
        ("async def f():\n    await asyncio.sleep(3)", "asyncio.sleep()"),
        ("def f():\n    print('x')", "print()"),
        ("def f():\n    import os.path", "imports os.path"),
        ("async def f(j):\n    for ch in {'a', 'b'}:\n        await j.push(ch)", "write sorted({'a', 'b'})"),
        ("ALL = frozenset(['a', 'b'])\nasync def f(j):\n    for ch in ALL:\n        await j.push(ch)", "write sorted(ALL)"),
        ("def f(x):\n    return list({each for each in x})", "is a set"),
        ("S = set\ndef f(x):\n    for each in S(x):\n        x", "write sorted(S(x))"),
        (
            "def f(x):\n    a = b = {1}\n    for each in b:\n        x(each)\ndef g(b):\n    return [each for each in b]",
            "write sorted(b)",
        ),
        ("def f(x):\n    return [each for each in set(x) - {1}]", "is a set"),
        ("def f(x):\n    return next(iter({1, 2} | x))", "is a set"),
        ("def f(x):\n    return ', '.join(set(x))", "is a set"),
        ("import builtins\ndef f():\n    builtins.open('x')", "builtins.open()"),
        ("from builtins import open as o\ndef f():\n    o('x')", "o()"),
        ("def f():\n    __builtins__['open']('x')", "__builtins__()"),
        ("def other(open): return open\ndef f():\n    open('x')", "open()"),
        ("class Row:\n    id: int\n    def f(self):\n        return id(self)", "id()"),
        ("from datetime import datetime\nD = datetime\ndef f():\n    D.now()", "D.now()"),
        ("from datetime import datetime\nasync def f(j):\n    d = datetime\n    d.now()", "d.now()"),
        ("from datetime import datetime\ndef f(clock=datetime):\n    clock.now()", "clock.now()"),
        ("from datetime import datetime\ndef f():\n    getattr(datetime, 'now')()", "getattr(datetime, 'now')"),
        ("import operator\nnow = operator.methodcaller('now')", "operator.methodcaller('now')"),
        ("from datetime import datetime\ndef f():\n    datetime.fromtimestamp(0)", "datetime.fromtimestamp(0)"),
        ("def f(j):\n    j.now.astimezone()", "j.now.astimezone()"),
        ("import numpy as np\ndef f():\n    np.random.random()", "np.random()"),
        ("import asyncio\ndef f():\n    asyncio.get_event_loop().time()", "asyncio.get_event_loop()"),
        ("def f():\n    return 'ana'.__hash__()", "'ana'.__hash__()"),
        ("import codecs\ndef f():\n    codecs.open('x')", "codecs.open()"),
        ("import uuid\ndef f():\n    uuid.getnode()", "uuid.getnode()"),
        ("import posix", "imports posix"),
        ("import gc", "imports gc"),
        ("import queue", "imports queue"),
        ("def f():\n    return globals()", "globals()"),
        ("SEEN = []\nf = lambda: SEEN.append(1)", "SEEN is the module's"),
        ("SEEN = []\ndef f():\n    mine = SEEN\n    mine.append(1)", "SEEN is the module's"),
        ("def f(seen=[]):\n    seen.append(1)", "seen is the module's"),
        ("def f():\n    f.runs = 1", "f is the module's"),
        ("class K:\n    n = 0\ndef f():\n    setattr(K, 'n', 1)", "K is the module's"),
        ("class C:\n    def bump(self):\n        self.n += 1\nCOUNTER = C()", "C's self is the module's"),
        (
            "def make():\n    n = 0\n    def bump():\n        nonlocal n\n        n += 1\n    return bump\nbump = make()",
            "n is the module's",
        ),
        ("def make():\n    n = []\n    return lambda: n.append(1)\nbump = make()", "n is the module's"),
        ("from itertools import count\nids = count()\ndef f():\n    for n in ids:\n        return n", "ids is the module's"),
        ("from itertools import count\nids = count()\ndef f():\n    return ids.__next__()", "ids is the module's"),
        (
            "from functools import cache\n@cache\ndef f(k):\n    return [0]\ndef g():\n    x = f(1)\n    x[0] += 1",
            "f() is the module's",
        ),
        # the order of a set
        ("def f():\n    s = {'a', 'b'}\n    return s.pop()", "write sorted(s)"),
        ("def f(x):\n    return set(x).pop()", "write sorted(set(x))"),
        ("def f():\n    return sorted({'a', 'b'}, key=len)", "write sorted({'a', 'b'})"),
        ("ALL = {'a', 'b'}\ndef f():\n    return max(ALL, key=len)", "write sorted(ALL)"),
        ("def f(x):\n    return min((each for each in set(x)), key=len)", "write sorted(set(x))"),
        ("def f(x):\n    s = set(x)\n    s |= {'a'}\n    return [each for each in s]", "write sorted(s)"),
        ("def f(s={'a', 'b'}):\n    return [each for each in s]", "write sorted(s)"),
        # memory
        ("def f(x=[]):\n    x += [1]", "x is the module's"),
        ("L = []\ndef f():\n    m = L\n    m += [1]", "L is the module's"),
        ("L = []\nADD = L.append\ndef f():\n    ADD(1)", "L is the module's"),
        ("L = []\ndef f(x):\n    any(map(L.append, x))", "L is the module's"),
        ("L = []\ndef f():\n    add = L.append\n    add(1)", "L is the module's"),
        ("import heapq\nL = []\ndef f():\n    heapq.heappush(L, 1)", "L is the module's"),
        ("from heapq import heappush as push\nL = []\ndef f():\n    push(L, 1)", "L is the module's"),
        ("import operator\nL = []\ndef f():\n    operator.iadd(L, [1])", "L is the module's"),
        ("from bisect import insort\nL = []\ndef f():\n    insort(L, 1)", "L is the module's"),
        ("L = []\ndef f():\n    list.append(L, 1)", "L is the module's"),
        ("class K:\n    n = 0\n    def f(self):\n        type(self).n += 1", "K is the module's"),
        ("class K:\n    n = 0\n    def f(self):\n        self.__class__.n += 1", "K is the module's"),
        ("class K:\n    n = 0\n    @classmethod\n    def f(cls):\n        cls.n += 1", "K is the module's"),
        ("class K:\n    seen = []\n    def __init__(self):\n        self.seen.append(1)", "K is the module's"),
        ("class K:\n    seen = {}\n    def f(self):\n        self.seen['a'] = 1", "K is the module's"),
        ("class K:\n    seen = []\n    def f(self):\n        self.seen += [1]", "K is the module's"),
        ("from contextvars import ContextVar\nC = ContextVar('c')\ndef f():\n    C.set(1)", "C is the module's"),
        ("from decimal import getcontext\ndef f():\n    getcontext().prec += 1", "use decimal.localcontext()"),
        # the clock, and what is around
        ("import timeit\ndef f():\n    return timeit.default_timer()", "imports timeit"),
        ("import inspect\ndef f():\n    return inspect.stack()", "inspect.stack()"),
        ("import traceback", "imports traceback"),
    ],
)
def test_an_impurity_is_named_with_its_line(tmp_path: Path, source: str, what: str) -> None:
    file = tmp_path / "broken.py"
    file.write_text(source)
    found = impurities(file)
    assert len(found) == 1
    assert what in str(found[0])
    assert "broken.py:" in str(found[0])


@pytest.mark.parametrize(
    "source",
    [
        "import math\nfrom datetime import timedelta\nfrom journeys import journey\nx = math.sqrt(4)\n",
        "RULES = []\nRULES.append(1)\nfor rule in (2, 3):\n    RULES.append(rule)\n",
        "def f(id, open):\n    seen = []\n    seen.append(id)\n    return open(seen)\n",
        "from datetime import datetime\nstart = datetime(2026, 1, 1)\n",
        "ALL = {'a', 'b'}\ndef f(x):\n    return sorted(ALL), any(y in x for y in ALL), sorted(list(ALL)), {y for y in ALL}\n",
        "def f(x):\n    seen = set(x)\n    seen = sorted(seen)\n    return [each for each in seen]\n",
        "ALL = {1}\ndef f(ALL):\n    return list(ALL)\ndef g(x, s=frozenset()):\n    return [each for each in s]\n",
        "def set(x):\n    return [x]\ndef f(x):\n    return [each for each in set(x)]\n",
        "def f(id, open):\n    return [open(id) for id in (1, 2)]\nasync def g(j):\n    return j.now.astimezone(j.zone)\n",
        "from datetime import UTC, datetime as d\ndef f(x):\n    return d.fromtimestamp(x, UTC), d.fromtimestamp(x, tz=UTC)\n",
        "RULES = []\ndef f():\n    n = 0\n    def bump():\n        nonlocal n\n        n += 1\n    list(RULES).append(1)\n",
        "from functools import cache\n@cache\ndef f(k):\n    return (k, k)\n",
        "PLANS = {}\ndef f():\n    plans = PLANS\n    plans = dict(plans)\n    plans['x'] = 1\n",
        "class Basket:\n    def put(self, x):\n        self.x = x\ndef f():\n    Basket().put(1)\n",
        "ALL = {'a'}\ndef f(x):\n    s = sorted(ALL)\n    return s.pop(), max(ALL), max(x, key=len), sorted(s, key=len)\n",
        "N = 1\ndef f(x=0):\n    n, flags = N, N\n    n += 1\n    x += 1\n    flags |= 2\n    return [n, x, flags]\n",
        "BASE = 5\nRULES = []\nadd = RULES.append\nadd(1)\ndef f(add):\n    total = BASE\n    total += 1\n    add(total)\n",
        "import heapq\nimport inspect\ndef f(x):\n    q = []\n    heapq.heappush(q, x)\n    return inspect.iscoroutine(q)\n",
        "class K:\n    a = []\n    def __init__(self):\n        self.a = []\n    def f(self):\n        self.a.append(1)\n",
        "def f(x):\n    s = {each for each in x}\n    return s.pop() if len(s) == 1 else sorted(s)\n",
        "class K(Model):\n    seen: list[str] = []\n    def f(self):\n        self.seen.append(type(self).__name__)\n",
        "def f(x=[]):\n    x = list(x)\n    x += [1]\n    return x\n",
        "from decimal import localcontext\ndef f():\n    with localcontext() as c:\n        c.prec = 30\n",
        "class Point:\n    def __hash__(self):\n        return hash(1)\n    def move(self):\n        self.x = 1\n",
    ],
)
def test_ordinary_python_is_pure(source: str, tmp_path: Path) -> None:
    file = tmp_path / "fine.py"
    file.write_text(source)
    assert [str(found) for found in impurities(file)] == []


@pytest.mark.parametrize(
    ("source", "at_import"),
    [
        ("import time\ntime.sleep(3600)", [False, True]),
        ("import time\ndef f():\n    time.sleep(3600)", [False]),
        ("x = open('/dev/zero').read()", [True]),
        ("from datetime import datetime as dt\nclass Params:\n    at: dt = dt.now()", [True]),
    ],
)
def test_what_acts_as_soon_as_it_is_imported_is_known(source: str, at_import: list[bool], tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text(source)
    assert [found.at_import for found in impurities(file)] == at_import
