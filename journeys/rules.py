"""The rules that `journeys check` and `journeys lint` go by: a name that stays as it is, and what it looks for.

Promise: editors, CI and people who silence one of them rely on these names.
"""

from enum import StrEnum


class Rule(StrEnum):
    """A rule by the name that programs know; its sentence is in `SENTENCES`."""

    # What does not load
    SYNTAX = "syntax"
    FILE = "file"
    MODULE = "module"
    IMPURE = "impure"
    REMEMBERS = "remembers"
    SWALLOWS = "swallows-end"
    AWAIT = "missing-await"
    WORD = "word"
    DECLARATION = "declaration"
    RAISES = "raises"
    ENDLESS = "endless"
    TWO_OF_A_NAME = "two-of-a-name"
    UNKNOWN_SEGMENT = "unknown-segment"
    UNKNOWN_JOURNEY = "unknown-journey"
    JOURNEY_PARAMS = "journey-params"
    UNKNOWN_SERVICE = "unknown-service"
    UNKNOWN_CONTEXT = "unknown-context"
    UNKNOWN_EXPERIMENT = "unknown-experiment"
    TEMPLATE = "template"
    UNKNOWN_TEMPLATE = "unknown-template"
    UNKNOWN_VARIABLE = "unknown-variable"
    TEMPLATE_PARAMS = "template-params"
    TEMPLATE_CATEGORY = "template-category"
    NO_WAY_OUT = "no-way-out"
    UNKNOWN_CHOICE = "unknown-choice"
    # What loads, and is a warning
    NEARLY = "nearly-declared"
    CIRCLE = "circle"
    CAP = "cap-longer-than-deadline"
    WAIT = "max-wait-too-short"
    # What lint doubts
    NO_GOAL = "no-goal"
    NO_KPI = "no-kpi"
    NO_MESSAGE = "no-message"
    TOO_SMALL = "too-small"
    TWICE = "sent-twice"
    UNREACHED = "unreached"
    LATE = "delay-beyond-deadline"
    CANNOT_COME = "cannot-come"
    EVERY = "clock-in-every"
    OTHER_SEGMENT = "other-segment"
    MAY_LACK = "may-have-no-value"


SENTENCES = {
    Rule.SYNTAX: "a file that is not Python",
    Rule.FILE: "a file that cannot be read, or stands there twice by a link",
    Rule.MODULE: "a module that cannot be imported, or a catalogue that is none",
    Rule.IMPURE: "a clock, chance, I/O, a logger or a set's order, in any module of the catalogue or beside it",
    Rule.REMEMBERS: "a function that changes what belongs to its module",
    Rule.SWALLOWS: "an except, a `suppress` or a `finally` that swallows the end of a run",
    Rule.AWAIT: "a step that is not awaited, and so does nothing",
    Rule.WORD: "a word of the handle, or of the language of segments, that is misspelt or misused",
    Rule.DECLARATION: "an argument of `@journey(…)` that cannot work",
    Rule.RAISES: "a journey or a module that raises on one of its ways",
    Rule.ENDLESS: "a journey or a module that does not come to an end, or a loop without a wait",
    Rule.TWO_OF_A_NAME: "two different journeys, or segments, of one name",
    Rule.UNKNOWN_SEGMENT: "a segment that a journey names and the catalogue does not keep",
    Rule.UNKNOWN_JOURNEY: "a start, on any path, of a journey that the catalogue does not have",
    Rule.JOURNEY_PARAMS: "a start, on any path, with parameters that the other journey does not take",
    Rule.UNKNOWN_SERVICE: "a service that a journey calls and the catalogue does not keep",
    Rule.UNKNOWN_CONTEXT: "a context that a journey asks for and the catalogue does not keep",
    Rule.UNKNOWN_EXPERIMENT: "an experiment that the catalogue does not keep, or keeps with other arms than it is asked by",
    Rule.TEMPLATE: "a template that cannot be used",
    Rule.UNKNOWN_TEMPLATE: "a message, on any path, whose template is not there",
    Rule.UNKNOWN_VARIABLE: "a variable that no template can know",
    Rule.TEMPLATE_PARAMS: "a message, on any path, that does not pass what its template declares, or passes more",
    Rule.TEMPLATE_CATEGORY: "a message, on any path, whose template is of a category for other messages",
    Rule.NO_WAY_OUT: "a marketing message, on any path, whose template has no link by which one gets out",
    Rule.UNKNOWN_CHOICE: "a question, on any path, for a button or a row that its message does not have",
    Rule.NEARLY: "a name that is nearly one which the catalogue declares as its own",
    Rule.CIRCLE: "journeys that start each other in a circle, each with re-entry at any time",
    Rule.CAP: "a cap whose span is longer than the deadline of messages, so that they are dropped and not sent later",
    Rule.WAIT: "limits of a journey that make customers wait longer than they are let wait, or that nobody waits for",
    Rule.NO_GOAL: "a journey that sends marketing, and declares neither a goal nor a KPI",
    Rule.NO_KPI: "any other journey that declares neither; the goal counts as a KPI",
    Rule.NO_MESSAGE: "a journey that does nothing to its customer on any path",
    Rule.TOO_SMALL: "a plan that ends before its effect can be found; with --database, a segment that is too small for it",
    Rule.TWICE: "a message with the same params that one customer may get from two places on a path, or several times at once",
    Rule.UNREACHED: "a step that no path comes to, or none of those that were walked",
    Rule.LATE: "a delay beyond the deadline of what it is for, which then never comes",
    Rule.CANNOT_COME: "a wait for what cannot come: news of a message before any was sent, or what ends the run first",
    Rule.EVERY: "a clock time that is waited for after a look, in a `j.every` of days, which comes at the hour of entry",
    Rule.OTHER_SEGMENT: "the name of a segment that the catalogue does not have; one that is defined over the API is fine",
    Rule.MAY_LACK: "a variable without a fallback in a template, which may have no value for somebody who gets it",
}
