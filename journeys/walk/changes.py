"""What a change of the catalogue does to people: what is sent, when and to whom, what ends a run, and whom the new code fits.

Promise: each change is one row with a stable rule, what was and what is; where nothing is told, all ways do the same.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from difflib import ndiff
from pathlib import PurePosixPath
from types import CodeType
from typing import Any

from journeys.authoring import JourneyDefinition
from journeys.catalogue import Catalogue
from journeys.contracts import DeliverRequest
from journeys.spans import describe
from journeys.walk.declared import of_catalogue, of_context, of_journey, of_service, said
from journeys.walk.details import ONLY, PURPOSE, UNSAID, WITH
from journeys.walk.explore import Effect, Explored, explore
from journeys.walk.fitting import fits
from journeys.walk.outline import NONE, Key, Outline, Step, outline
from segments import Predicate

_VERBS = {"added": "is new", "removed": "is taken out", "changed": "is changed"}
#: How a change of what a step says is called, where not by the name of that.
_RULES = {WITH: "content", PURPOSE: "purpose", ONLY: "only"}
_LONGEST = 300  # letters that are shown
_BESIDE = "; "
#: Whom else a message reaches than before.
_FEWER, _MORE, _OTHERS = "fewer get it now", "more get it now", "others get it now"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is another for people: in words, as it was and as it is, and where it is written now."""

    journey: str
    rule: str
    what: str
    before: str = ""
    after: str = ""
    file: str = ""
    line: int = 0
    remedy: str = ""

    @property
    def message(self) -> str:
        """All of it in one sentence."""
        if self.before and self.after:
            return f"{self.what}: {self.before}, and now {self.after}"
        return f"{self.what}: {self.before or self.after}" if self.before or self.after else self.what


@dataclass(frozen=True)
class Version:
    """A catalogue to be compared, with the texts of its templates by their place."""

    catalogue: Catalogue
    templates: Mapping[str, str]
    _walked: dict[str, Explored] = field(default_factory=dict, compare=False, repr=False)

    @property
    def journeys(self) -> Mapping[str, JourneyDefinition]:
        """Its journeys by name."""
        return self.catalogue.journeys

    def walked(self, name: str) -> Explored:
        """Every way through a journey."""
        if name not in self._walked:
            self._walked[name] = explore(self.journeys[name])
        return self._walked[name]

    def outline(self, name: str) -> Outline:
        """What a journey does, in short."""
        return outline(self.journeys[name], self.walked(name))

    def where(self, does: Callable[[Effect], bool]) -> list[str]:
        """The journeys that do something on some way."""
        ways = ((name, path) for name in sorted(self.journeys) for path in self.walked(name).paths)
        return list(dict.fromkeys(name for name, path in ways if any(map(does, path.effects))))


def changes(before: Version, after: Version) -> list[Change]:
    """What is another, journey by journey; then what all of them share: services, segments and templates."""
    old, new = before.journeys, after.journeys
    found: list[Change] = []
    names = dict(_renamed(before, after))
    for name in sorted({*old, *new} - {*names, *names.values()}):
        if name not in new:
            found.append(_gone(old[name]))
        elif name not in old:
            found.append(_come(new[name], after.outline(name)))
        else:
            found += _of_journey(name, before, after)
    found += [_other_name(old[name], new[other]) for name, other in names.items()]
    found += [*_services(before, after), *_contexts(before, after), *_shared(before.catalogue, after.catalogue)]
    found += _segments(before.catalogue, after.catalogue)
    return [*found, *_templates(before, after)]


def _renamed(before: Version, after: Version) -> Iterator[tuple[str, str]]:
    """Journeys that do under another name what they did."""
    old, new = before.journeys, after.journeys
    come = sorted(new.keys() - old.keys())
    for name in sorted(old.keys() - new.keys()) if come else ():
        same = next((other for other in come if _does(before, name) == _does(after, other)), None)
        if same is not None:
            come.remove(same)
            yield name, same


def _does(version: Version, name: str) -> tuple[Any, ...]:
    steps = [replace(step, place=("", 0)) for step in version.outline(name).steps.values()]
    return (*((what, said(value)) for what, value in of_journey(version.journeys[name])), *steps)


def _other_name(old: JourneyDefinition, new: JourneyDefinition) -> Change:
    told = f"is called {new.name}: who is in it ends under the old name, and re-entry counts from nothing under the new one"
    file, line = _declared_at(new)
    return Change(old.name, "journey-renamed", "the journey has another name", after=told, file=file, line=line)


def _gone(definition: JourneyDefinition) -> Change:
    told = "nobody enters any more; who is in it ends as they began"
    return Change(definition.name, "journey-removed", "the journey is taken out", told)


def _come(definition: JourneyDefinition, does: Outline) -> Change:
    sends = [step for step in does.steps.values() if step.kind == "message"]
    told = ", ".join(f"{step.what} ({step.when})" for step in sends) or "sends nothing"
    file, line = _declared_at(definition)
    return Change(definition.name, "journey-added", "the journey is new", after=told, file=file, line=line)


def _of_journey(name: str, before: Version, after: Version) -> Iterator[Change]:
    old, new = before.journeys[name], after.journeys[name]
    outlines = before.outline(name), after.outline(name)
    yield from _declarations(old, new)
    steps = list(_steps(new, *outlines))
    yield from steps
    if not all(each.complete for each in outlines) and (steps or _code(old) != _code(new)):
        yield _partly(new)
    yield from _fit(before.walked(name), new)


def _code(part: Any) -> tuple[Any, ...]:
    """What a journey's own function does, wherever it stands."""
    code = part.steps.__code__ if isinstance(part, JourneyDefinition) else part
    constants = (_code(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    return (code.co_code, code.co_names, *constants)


def _partly(new: JourneyDefinition) -> Change:
    file, line = _declared_at(new)
    told = "times and numbers are of those that were; conditions are not compared"
    return Change(new.name, "not-all-ways-seen", "not all ways were seen", after=told, file=file, line=line)


def _declarations(old: JourneyDefinition, new: JourneyDefinition) -> Iterator[Change]:
    file, line = _declared_at(new)
    for (name, before), (_, after) in zip(of_journey(old), of_journey(new), strict=True):
        if said(before) != said(after) and not (
            name == "goal" and old.spec.goals and new.spec.goals
        ):  # each is told by its name
            rule, what = f"{name}-changed".replace("_", "-"), name.replace("_", " ")
            yield Change(new.name, rule, what, *_apart(before, after), file, line)


def _apart(was: Any, now: Any) -> tuple[str, str]:
    """Both in words; of what has names what of either the other lacks, or has otherwise."""
    if not (isinstance(was, Mapping) and isinstance(now, Mapping)):
        return said(was), said(now)
    same = {name for name in was if name in now and said(was[name]) == said(now[name])}
    before, after = ({name: each for name, each in one.items() if name not in same} for one in (was, now))
    return said(before), said(after)


def _steps(new: JourneyDefinition, was: Outline, now: Outline) -> Iterator[Change]:
    added = {key: step for key, step in now.steps.items() if key not in was.steps}
    removed = {key: step for key, step in was.steps.items() if key not in now.steps}
    other_names: dict[str, str] = {}
    for key, other in _replaced(removed, added):
        before, after = removed.pop(key), added.pop(other)
        other_names[before.what] = after.what
        yield _change(new, after, f"{after.word}-replaced", after.stands, before.what, after.what)
        yield from _said_otherwise(new, before, after)
    for step in removed.values():
        yield _change(new, step, f"{step.word}-removed", f"{step.what} is taken out", _told(step), placed=False)
    for step in added.values():
        yield _change(new, step, f"{step.word}-added", f"{step.what} is new", after=_told(step))
    for key in [key for key in was.steps if key in now.steps]:
        if was.steps[key].kind != "wait":  # told by what follows it
            all_seen = was.complete and now.complete
            yield from _moved(new, was.steps[key].renamed(other_names), now.steps[key], conditions=all_seen)
    if was.lasts != now.lasts:
        file, line = _declared_at(new)
        yield Change(new.name, "duration-changed", "how long it lasts", _range(was.lasts), _range(now.lasts), file, line)


def _replaced(removed: Mapping[Key, Step], added: Mapping[Key, Step]) -> list[tuple[Key, Key]]:
    """Steps that stand where another stood: at the same time; messages on the same channel or with the same template."""
    pairs: list[tuple[Key, Key]] = []
    for key, old in removed.items():
        free = [other for other in added if other not in {after for _, after in pairs}]
        alike = (other for other in free if _alike(old, added[other]))
        pairs += [(key, other) for other in [next(alike, None)] if other is not None]
    return pairs


def _alike(old: Step, new: Step) -> bool:
    if old.kind == "wait":
        return old.word == new.word
    shared = old.kind != "message" or set(old.what.split(" ", 1)) & set(new.what.split(" ", 1))
    return bool(shared) and (old.kind, old.times) == (new.kind, new.times)


def _moved(new: JourneyDefinition, was: Step, now: Step, *, conditions: bool) -> Iterator[Change]:
    asked = (
        (f"{now.word}-moved", "when", was.when, now.when),
        (f"{now.word}-more-often" if now.most > was.most else f"{now.word}-less-often", "at most", _times(was), _times(now)),
    )
    for rule, what, before, after in asked:
        if before != after:
            yield _change(new, now, rule, f"{now.what}, {what}", before, after)
    yield from _said_otherwise(new, was, now)
    if conditions and was.conditions != now.conditions:
        before, after = (_conditions(one.conditions - other.conditions) for one, other in ((was, now), (now, was)))
        others = _FEWER if was.conditions < now.conditions else _MORE if now.conditions < was.conditions else _OTHERS
        what = f"{now.what}, if ({others})" if now.kind == "message" else f"{now.what}, if"
        yield _change(new, now, "condition-changed", what, before, after)


def _said_otherwise(new: JourneyDefinition, was: Step, now: Step) -> Iterator[Change]:
    """What its author says of a step: with what, for whom, by when, to whom it goes on."""
    for name in dict.fromkeys([*was.said, *now.said]):
        before, after = (each.said.get(name, UNSAID.get(name, NONE)) for each in (was, now))
        if before != after:
            rule = f"{_RULES.get(name, name.rpartition(': ')[2].replace(' ', '-'))}-changed"
            yield _change(new, now, f"{now.word}-{rule}" if name == WITH else rule, f"{now.what}, {name}", before, after)


def _fit(explored: Explored, new: JourneyDefinition) -> Iterator[Change]:
    """Whom the new code fits of those who are in the journey: only where their run fails does it matter."""
    far = [(path.commands[n], path) for path in explored.paths if (n := fits(path, new)) < len(path.commands)]
    if far:
        first = min((command for command, _ in far), key=lambda command: command.at)
        file, line = _declared_at(new)
        told = f"who has come to '{first.what}' ({describe(first.at)}) could not go on with this code"
        advice = "they end as they began; leave the steps behind them as they are, if this is to mend a run that fails"
        yield Change(new.name, "does-not-fit", "people who are in it", "", told, file, line, advice)


def _services(old: Version, new: Version) -> Iterator[Change]:
    """What is told of customers to services that journeys call before and after, and what these are asked."""
    for name in sorted(old.catalogue.services.keys() & new.catalogue.services.keys()):
        was, now = (of_service(each.catalogue.services[name]) for each in (old, new))
        calling = ", ".join(new.where(lambda effect, name=name: effect.service == name))  # type: ignore[misc]
        for what, before in was.items():
            if said(before) != said(now[what]):
                rule = f"service-{what.replace('_', '-')}-changed"
                yield Change(calling, rule, f"service {name}, {what.replace('_', ' ')}", said(before), said(now[what]))


def _contexts(old: Version, new: Version) -> Iterator[Change]:
    """Who is asked what it is like where customers are, and what is so otherwise."""
    for name in sorted(old.catalogue.contexts.keys() & new.catalogue.contexts.keys()):
        was, now = (of_context(each.catalogue.contexts[name]) for each in (old, new))
        asking = ", ".join(new.where(lambda effect, name=name: effect.context == name))  # type: ignore[misc]
        for what, before in was.items():
            if said(before) != said(now[what]):
                rule = f"context-{what}-changed"
                yield Change(asking, rule, f"context {name}, {what}", said(before), said(now[what]))


def _shared(old: Catalogue, new: Catalogue) -> Iterator[Change]:
    """What is declared for all journeys together."""
    was, now = of_catalogue(old), of_catalogue(new)
    for what in dict.fromkeys([*was, *now]):
        before, after = was.get(what), now.get(what)
        if said(before) != said(after):
            yield Change(
                "", "place-changed" if what.startswith("place ") else "catalogue-changed", what, *_apart(before, after)
            )


def _segments(old: Catalogue, new: Catalogue) -> Iterator[Change]:
    for name in sorted({*old.segments, *new.segments}):
        was, now = (each.segments[name].predicate if name in each.segments else None for each in (old, new))
        if was != now:
            rule = "segment-added" if was is None else "segment-removed" if now is None else "segment-changed"
            yield Change("", rule, f"segment {name}", _in_words(was), _in_words(now))


def _in_words(predicate: Predicate | None) -> str:
    return "" if predicate is None else str(predicate)


def _templates(old: Version, new: Version) -> Iterator[Change]:
    for place in sorted({*old.templates, *new.templates}):
        was, now = old.templates.get(place), new.templates.get(place)
        if was != now:
            verb = "added" if was is None else "removed" if now is None else "changed"
            file, line = (place, 1) if now is not None else ("", 0)
            sends = (old if now is None else new).where(lambda effect, place=place: _is_of(place, effect.request))  # type: ignore[misc]
            told = _text_apart(place, was or "", now or "")
            yield Change(", ".join(sends), f"template-{verb}", f"template {place} {_VERBS[verb]}", *told, file, line)


def _is_of(place: str, request: DeliverRequest | None) -> bool:
    """Whether a message is written by the template in a file, by its name, or by a translation of it."""
    if request is None:
        return False
    name, channel = map(re.escape, (request.template, request.channel.value.replace("_", "-")))
    return re.match(rf"{name}(\.[A-Za-z]+([-_][A-Za-z]+)*)?\.{channel}\.", PurePosixPath(place).name) is not None


def _text_apart(place: str, was: str, now: str) -> tuple[str, str]:
    """The lines of each that the other lacks."""
    if place.endswith(".png"):
        return ("a picture" if was else "", "another picture" if was and now else "a picture" if now else "")
    lines = [line for line in ndiff(was.splitlines(), now.splitlines()) if line[:2] in ("- ", "+ ") and line[2:].strip()]
    before, after = ([line[2:].strip() for line in lines if line[:1] == sign] for sign in "-+")
    return _shortened(before), _shortened(after)


def _shortened(lines: list[str]) -> str:
    told = _BESIDE.join(lines)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]} …"


def _change(
    new: JourneyDefinition, step: Step, rule: str, what: str, before: str = "", after: str = "", *, placed: bool = True
) -> Change:
    file, line = step.place if placed else _declared_at(new)
    return Change(new.name, rule, what, before, after, file, line)


def _declared_at(definition: JourneyDefinition) -> tuple[str, int]:
    code = definition.steps.__code__
    return code.co_filename, code.co_firstlineno


def _told(step: Step) -> str:
    """When, how often and on what conditions, of a step that has come or gone."""
    often = f", at most {step.most} times" if step.most > 1 else ""
    only = f", only for {step.said[ONLY]}" if ONLY in step.said else ""
    return f"{step.when}{often}{only}" + (f", if {_conditions(step.conditions)}" if step.conditions else "")


def _conditions(conditions: frozenset[str]) -> str:
    return " and ".join(sorted(conditions)) or "always"


def _times(step: Step) -> str:
    return "once" if step.most == 1 else f"{step.most} times"


def _range(span: tuple[timedelta, timedelta]) -> str:
    first, last = map(describe, span)
    return first if first == last else f"{first} to {last}"
