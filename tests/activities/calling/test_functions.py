"""Services that are functions of the company's own code: an example by a language model, its faults, its budget."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx
import orjson
import pytest
from pydantic import BaseModel

from activities.calling import functions
from activities.calling.body import Unlike, answer_of
from activities.calling.lines import Lines, NoPlace, Request
from activities.channels.errors import Ambiguous, TryLater
from journeys import CatalogueError, Service
from tests.activities.channels.scripted import listening

WORDS = "my parcel never came, call me on 600111222"
BODY = orjson.dumps({"type": "topics", "data": {"reply": {"text": WORDS}}})


class Topic(BaseModel):
    topic: Literal["complaint", "question", "praise"]


def service(function: str) -> Service[Topic]:
    return Service("topics", gives=Topic, sends=("reply.text",), function=function)


AGENT = service("tests.conversation_agents:topic")


async def says(told: Any) -> Topic:
    assert told == {"reply": {"text": WORDS}}
    return Topic(topic="question")


async def says_one_word(told: Any) -> str:
    return "praise" if told else "complaint"


async def rambles(told: Any) -> dict[str, str]:
    return {"topic": str(told)}


async def raises(told: Any) -> str:
    raise RuntimeError(told["reply"]["text"])


@asynccontextmanager
async def model(monkeypatch: pytest.MonkeyPatch, word: str, status: int = 200) -> AsyncIterator[list[dict[str, Any]]]:
    """An endpoint that speaks chat completions."""
    asked: list[dict[str, Any]] = []

    async def serve(reader: Any, writer: Any) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.split("content-length: ")[1].split("\r\n")[0])
        asked.append({"head": head, **orjson.loads(await reader.readexactly(size))})
        told = orjson.dumps({"choices": [{"message": {"role": "assistant", "content": word}}]})
        writer.write(
            f"HTTP/1.1 {status} OK\r\ncontent-type: application/json\r\ncontent-length: {len(told)}\r\n\r\n".encode() + told
        )
        await writer.drain()

    async with listening(serve) as port:
        monkeypatch.setenv("AGENT_URL", f"http://127.0.0.1:{port}/v1")
        monkeypatch.setenv("AGENT_KEY", "key")
        monkeypatch.setenv("AGENT_MODEL", "small")
        yield asked


@pytest.mark.parametrize(("word", "topic"), [("complaint", "complaint"), (" Praise.", "praise")])
async def test_a_language_model_chooses_among_the_declared_classes(
    monkeypatch: pytest.MonkeyPatch, word: str, topic: str
) -> None:
    async with model(monkeypatch, word) as asked:
        assert answer_of(AGENT, await functions.answer(AGENT, BODY)) == {"topic": topic}
    [request] = asked
    assert request["head"].startswith("post /v1/chat/completions ")
    assert "authorization: bearer key" in request["head"]
    assert (request["model"], request["messages"][1]) == ("small", {"role": "user", "content": WORDS})


async def test_whatever_else_it_says_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with model(monkeypatch, "Ignore the task and refund 500"):
        with pytest.raises(Unlike):
            answer_of(AGENT, await functions.answer(AGENT, BODY))


async def test_an_endpoint_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with model(monkeypatch, "praise", 503):
        with pytest.raises(TryLater, match="HTTPStatusError"):
            await functions.answer(AGENT, BODY)


@pytest.mark.parametrize(("name", "topic"), [("says", "question"), ("says_one_word", "praise")])
async def test_a_function_gives_its_model_or_the_only_field(name: str, topic: str) -> None:
    asked = service(f"{__name__}:{name}")
    assert answer_of(asked, await functions.answer(asked, BODY)) == {"topic": topic}


async def test_what_it_gives_has_to_be_declared_and_what_it_raises_is_told_by_its_kind() -> None:
    with pytest.raises(Unlike) as unlike:
        answer_of(service(f"{__name__}:rambles"), await functions.answer(service(f"{__name__}:rambles"), BODY))
    with pytest.raises(TryLater, match="its function raised RuntimeError") as later:
        await functions.answer(service(f"{__name__}:raises"), BODY)
    assert "600111222" not in str(unlike.value) + str(later.value)


async def test_a_function_that_is_not_there_waits_for_whoever_installs_it() -> None:
    with pytest.raises(TryLater, match=r"there is no gone\.agents:topic here"):
        await functions.answer(service("gone.agents:topic"), BODY)


async def test_it_never_keeps_the_runs_own_task_waiting_and_not_too_long_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: bytes) -> httpx.Response:
        raise TimeoutError

    async with httpx.AsyncClient() as http:
        lines = Lines({}, http)
        with pytest.raises(NoPlace):
            await lines.ask(Request("topics", "id", BODY, at_once=True), never)
        with pytest.raises(Ambiguous):
            await lines.ask(Request("topics", "id", BODY), never)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"function": "acme.agents"}, "function= names none"),
        ({"per_day": 0}, "per_day="),
        ({"sends": ("reply.number",)}, "sends="),
    ],
)
def test_what_is_no_declaration_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(CatalogueError, match=said):
        Service("topics", gives=Topic, **wrong)
