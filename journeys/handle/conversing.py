"""Words of conversing: a question by a message, and what the customer answered."""

from datetime import timedelta

from journeys.contracts import Channel, Outcome, Plain, Receipt
from journeys.errors import CatalogueError
from journeys.handle.base import EntryModel
from journeys.handle.messages import Messages
from journeys.handle.said import Said
from journeys.policies import Window
from journeys.questions import Understand, Understood
from journeys.spans import check_span

#: On which channels customers answer.
ANSWERED = (Channel.WHATSAPP, Channel.SMS)


class Answered:
    """What a question came to: true where somebody answered it in time; `receipt` says what became of the question itself."""

    def __init__(self, receipt: Receipt, understood: Understood | None) -> None:
        self.receipt = receipt
        self._understood = understood

    @property
    def choice(self) -> str | None:
        """The button, row or word that was chosen, by the name that the author gave it."""
        return self._understood.choice if self._understood else None

    @property
    def number(self) -> int | float | None:
        """The number that was given."""
        return self._understood.number if self._understood else None

    @property
    def other(self) -> bool:
        """Whether it was answered with words that are none of what was asked for; they stay in Postgres."""
        return self._understood is not None and self.choice is None and self.number is None

    @property
    def timed_out(self) -> bool:
        """Whether the question went out, and nobody answered in time."""
        return bool(self.receipt) and self._understood is None

    def __bool__(self) -> bool:
        return self._understood is not None


class Conversing(Messages[EntryModel]):
    """How a journey talks with its customer."""

    async def ask(
        self,
        template: str,
        *,
        within: timedelta,
        choices: tuple[str, ...] = (),
        number: tuple[float, float] | None = None,
        by: str = "whatsapp",
        transactional: bool = False,
        useless_after: timedelta | None = None,
        priority: int | None = None,
        window: Window | None = None,
        **params: Plain,
    ) -> Answered:
        """Send a question by WhatsApp (or SMS) and wait for its first answer: one of the choices, a number, or other words.

        Choices are the names of the message's buttons or rows; who types one, or the title that it shows, has chosen it, too. A
        number is a whole one, from the first to the last of the two. What was said in other words a service may tell apart,
        by `sends=("reply.text",)`. What comes back is `Answered`.

        Example:
            answer = await j.ask("how-was-it", choices=("good", "bad"), within=hours(24))
            if answer.choice == "bad":
                await j.whatsapp("we-are-sorry")
            nps = await j.ask("how-likely", number=(0, 10), within=days(2))
            if nps.number is not None:
                await j.track("NPS Answered", score=nps.number)
        """
        channel = _check(template, by, choices, number, within)
        said = Said(transactional, None, useless_after, priority, window, None)
        receipt = await self._send(channel, template, said, params)
        if receipt.outcome is Outcome.WITHHELD:
            await self.wait(seconds=within.total_seconds())  # the time that those wait with whom it is compared
        if not receipt.sent:
            return Answered(receipt, None)
        answer = await self._listen({"answered": self.replied(receipt)}, within, None)
        if answer.happened is None or receipt.step is None or receipt.occurrence is None:
            return Answered(receipt, None)
        least, most = number or (None, None)
        asked = Understand(
            run_id=self._start.run_id,
            at=self._runtime.now(),
            step=receipt.step,
            occurrence=receipt.occurrence,
            choices=choices,
            least=least,
            most=most,
        )
        return Answered(receipt, await self._runtime.ask(asked))


def _check(
    template: object, by: str, choices: tuple[str, ...], number: tuple[float, float] | None, within: timedelta
) -> Channel:
    """Refuse what is no question."""
    if by not in ANSWERED:
        told = f"{template}: nobody answers on by={by!r}"
        raise CatalogueError(told, remedy=f"write by= one of {', '.join(ANSWERED)}")
    check_span(f"{template}: within=", within, "within=hours(24)")
    if isinstance(choices, str) or not all(isinstance(each, str) and each for each in choices):
        raise CatalogueError(f"{template}: choices= are names", remedy='write choices=("yes", "no")')
    if number is not None and not _is_range(number):
        raise CatalogueError(f"{template}: number= says the least and the most", remedy="write number=(0, 10)")
    return Channel(by)


def _is_range(number: object) -> bool:
    if not isinstance(number, tuple) or len(number) != 2:  # noqa: PLR2004 - the least, and the most
        return False
    return all(isinstance(each, int | float) and not isinstance(each, bool) for each in number) and number[0] < number[1]
