"""A customer in a test: what they do, and what can be said of what came of it.

Promise: whatever is asserted is a sentence about them, and its failure says what happened instead.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from journeys.contracts import Channel, Outcome
from segments.language.events import MESSAGE_CLICKED, MESSAGE_DELIVERED, MESSAGE_FAILED, MESSAGE_READ, MESSAGE_REPLIED
from workers.testing.names import channel_of, check_end, check_journey, check_step, instant_of
from workers.testing.seen import Message, Run, Stage
from workers.testing.sentences import Verdict, clock, fate, instead, standing, zone_named

#: On real servers a run's clock goes on while it works: an instant is met within this.
CLOSE = timedelta(minutes=1)


class Customer:
    """Somebody whom a test is about."""

    def __init__(self, name: str, stage: Stage, passes_to: Callable[[datetime], None]) -> None:
        self.name = name
        self._stage = stage
        self._passes_to = passes_to
        self._done: list[tuple[datetime, str]] = []

    def does(self, event: str, /, at: datetime | None = None, **properties: Any) -> None:
        """They do something, now; at a later instant time passes until then, at an earlier one the event comes late."""
        __tracebackhide__ = True
        at = self._stage.now if at is None else instant_of(at)
        self._passes_to(at)
        self._done.append((at, event))
        self._stage.does(self.name, event, properties, at)

    def becomes(self, **traits: Any) -> None:
        """Their traits change: `ana.becomes(tier="gold")`."""
        self._done.append((self._stage.now, f"becomes {', '.join(f'{name}={value!r}' for name, value in traits.items())}"))
        self._stage.becomes(self.name, traits)

    def says_no(self, *channels: str) -> None:
        """They withdraw their consent, on these channels or on all."""
        __tracebackhide__ = True
        self._says(channels, yes=False)

    def says_yes(self, *channels: str) -> None:
        """They consent, and can be reached, on these channels or on all."""
        __tracebackhide__ = True
        self._says(channels, yes=True)

    def receives(self, step: str) -> None:
        """The last message of a step (`"push:hello"`) is told delivered."""
        __tracebackhide__ = True
        self._came_back(step, MESSAGE_DELIVERED)

    def misses(self, step: str) -> None:
        """A provider that had accepted it says that it failed."""
        __tracebackhide__ = True
        self._came_back(step, MESSAGE_FAILED)

    def opens(self, step: str) -> None:
        """They open it."""
        __tracebackhide__ = True
        self._came_back(step, MESSAGE_READ)

    def clicks(self, step: str) -> None:
        """They follow a link in it."""
        __tracebackhide__ = True
        self._came_back(step, MESSAGE_CLICKED)

    def replies(self, step: str, text: str = "", *, choice: str | None = None) -> None:
        """They answer it, in words or by tapping a button or row of this name."""
        __tracebackhide__ = True
        said = {"text": text} | ({"choice": choice} if choice else {})
        self._came_back(step, MESSAGE_REPLIED, said if text or choice else {})

    @property
    def runs(self) -> list[Run]:
        """Their runs, oldest first."""
        return self._stage.runs(self.name)

    @property
    def messages(self) -> list[Message]:
        """All their messages, in the order in which they were asked for."""
        return sorted((message for run in self.runs for message in run.messages), key=lambda each: each.due_at)

    @property
    def inbox(self) -> list[str]:
        """The steps of the messages that were sent, in order: `["push:hello", "email:offer"]`."""
        return [message.step for message in self.messages if message.state == Outcome.SENT]

    @property
    def in_app(self) -> list[str]:
        """What their inbox inside the app shows now, newest first, by template: neither what expired nor after a conversion."""
        return self._stage.in_app(self.name)

    @property
    def passes(self) -> list[str]:
        """The passes that they were issued, by template, the one that changed last first: `["loyalty-card"]`."""
        issued = [step.partition(":")[2] for step in self.inbox if step.startswith("wallet:")]
        return list(dict.fromkeys(reversed(issued)))

    def got(
        self, step: str, *, times: int | None = None, at: datetime | None = None, after: timedelta | None = None
    ) -> Verdict:
        """A message was sent: so many times, at an instant, or so long after they entered its journey."""
        __tracebackhide__ = True
        runs = self.runs
        self._insist_on(step, runs)
        sent = [(run, each) for run in runs for each in run.messages if each.step == step and each.state == Outcome.SENT]
        due = [instant_of(at)] if at is not None else [run.entered_at + after for run, _ in sent] if after is not None else []
        if not sent:
            return self._verdict(so=False, told=f"did not get {step}")
        if times is not None and len(sent) != times:
            return self._verdict(so=False, told=f"got {step} {len(sent)} times, not {times}")
        if due and not any(abs(each.at - when) <= CLOSE for _, each in sent for when in due):
            when = " and ".join(clock(each.at) for _, each in sent)
            return self._verdict(so=False, told=f"got {step} {when}, not {' or '.join(map(clock, due))}")
        return Verdict(so=True, told=f"{self.name} got {step} {clock(sent[-1][1].at)}")

    def got_nothing(self) -> Verdict:
        """No message was sent to them."""
        inbox = self.inbox
        return self._verdict(so=not inbox, told="got nothing" if not inbox else f"got {', '.join(inbox)}")

    def missed(self, step: str, because: str | None = None) -> Verdict:
        """A message was asked for and not sent, and never will be; for a reason. One that waits is not missed, but awaited."""
        __tracebackhide__ = True
        self._insist_on(step, self.runs)
        asked = [each for each in self.messages if each.step == step and each.state != Outcome.SENT]
        found = [each for each in asked if not each.waits]
        if not found:
            told = f"missed no {step}" + (f", it may still go: {fate(asked[-1])}" if asked else "")
            return self._verdict(so=False, told=told)
        so = because is None or any(each.reason == because for each in found)
        return self._verdict(so=so, told=f"missed {fate(found[-1])}" if so else f"missed {step} for another reason")

    def awaits(self, step: str, because: str | None = None) -> Verdict:
        """A message was asked for, and has to wait; for a reason."""
        __tracebackhide__ = True
        self._insist_on(step, self.runs)
        found = [each for each in self.messages if each.step == step and each.waits]
        if not found:
            return self._verdict(so=False, told=f"awaits no {step}")
        so = because is None or any(each.reason == because for each in found)
        return self._verdict(so=so, told=f"awaits {fate(found[-1])}" if so else f"awaits {step} for another reason")

    def entered(self, journey: str, *, times: int | None = None) -> Verdict:
        """They entered a journey; so many times. Who only stood in line for it did not."""
        __tracebackhide__ = True
        check_journey(self._stage.catalogue, journey)
        count = sum(run.journey == journey and run.let_in for run in self.runs)
        so = count > 0 if times is None else count == times
        return self._verdict(so=so, told=f"entered {journey} {count} times" if count else f"did not enter {journey}")

    def was_refused(self, journey: str, because: str | None = None) -> Verdict:
        """A journey did not let them in; for a reason."""
        __tracebackhide__ = True
        check_journey(self._stage.catalogue, journey)
        reasons = [each.reason for each in self._stage.refusals(self.name) if each.journey == journey]
        so = bool(reasons) if because is None else because in reasons
        return self._verdict(so=so, told=f"was {'' if reasons else 'not '}refused by {journey}")

    def waits(self, journey: str) -> Verdict:
        """They are in a journey that is not over."""
        __tracebackhide__ = True
        check_journey(self._stage.catalogue, journey)
        found = [run for run in self._open(journey) if run.let_in]
        return self._verdict(so=bool(found), told=standing(found[-1]) if found else f"does not wait in {journey}")

    def waits_to_enter(self, journey: str) -> Verdict:
        """They stand in line for a journey that has limits, and are not in it yet."""
        __tracebackhide__ = True
        check_journey(self._stage.catalogue, journey)
        found = [run for run in self._open(journey) if not run.let_in]
        return self._verdict(so=bool(found), told=standing(found[-1]) if found else f"does not wait to enter {journey}")

    def _open(self, journey: str) -> list[Run]:
        return [run for run in self.runs if run.journey == journey and run.outcome is None]

    def left(self, journey: str, because: str | None = None) -> Verdict:
        """Their last run of a journey is over: `"finished"`, `"goal reached"`, or the name of a goal or an exit."""
        __tracebackhide__ = True
        check_end(self._stage.catalogue, journey, because)
        runs = [run for run in self.runs if run.journey == journey]
        outcome = runs[-1].outcome if runs else None
        so = outcome is not None and because in (None, outcome, runs[-1].ended_by)
        return self._verdict(so=so, told=f"is through {journey}" if so else f"is not through {journey} like this")

    def story(self) -> str:
        """All that is known of them, line by line, on their own clock; in UTC where nobody knows in which zone they are."""
        named = self._stage.zone(self.name)
        zone = zone_named(named)
        lines = [(at, f"does {what}") for at, what in self._done]
        for run in self.runs:
            lines.append((run.entered_at, f"{'enters' if run.let_in else 'stands in line for'} {run.journey}"))
            lines += [(each.at, fate(each)) for each in run.messages]
            lines.append((run.ended_at or self._stage.now, standing(run, zone)))
        lines += [(each.at, f"{each.journey} refuses: {each.reason}") for each in self._stage.refusals(self.name)]
        head = f"{self.name}, on the clock of {named}" + (", told in UTC" if zone is UTC and named != "UTC" else "")
        return "\n".join([head, *(f"  {clock(at, zone)}  {what}" for at, what in sorted(lines, key=lambda line: line[0]))])

    def _insist_on(self, step: str, runs: list[Run]) -> None:
        """A step that nobody asked for may be misspelt."""
        __tracebackhide__ = True
        if not any(each.step == step for run in runs for each in run.messages):
            check_step(self._stage.catalogue, step)

    def _verdict(self, *, so: bool, told: str) -> Verdict:
        known = "" if so else instead(self.name, self.runs, self._stage.refusals(self.name), [each for _, each in self._done])
        return Verdict(so=so, told=f"{self.name} {told}" + (f"; {known}" if known else ""))

    def _says(self, channels: tuple[str, ...], *, yes: bool) -> None:
        __tracebackhide__ = True
        for channel in map(channel_of, channels or Channel):
            self._done.append((self._stage.now, f"says {'yes' if yes else 'no'} to {channel}"))
            self._stage.says(self.name, channel, yes=yes)

    def _came_back(self, step: str, event: str, said: Mapping[str, Any] | None = None) -> None:
        __tracebackhide__ = True
        self._insist_on(step, self.runs)
        if not self._stage.came_back(self.name, step, event, said or {}):
            raise AssertionError(repr(self._verdict(so=False, told=f"cannot: no {step} was sent")))
        self._done.append((self._stage.now, f"{event}: {step}"))

    def __repr__(self) -> str:
        return self.name
