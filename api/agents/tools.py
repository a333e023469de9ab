"""What an agent can do here: each tool is a row over a call of the API, which decides who may, what is valid, and what is said.

Promise: a tool that changes something looks first at what it would change, by calls of the API as well, and does nothing
without the confirmation that this gives (`api.agents.confirming`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at before something is changed; of the tool's arguments it gets those that its call takes."""

    name: str
    call: str
    #: How its arguments are made of the tool's, where they are not the same.
    of: Callable[[_Arguments], _Arguments] = dict
    #: There may be nothing of that name yet.
    may_lack: bool = False
    #: Left out where the key may not make this call.
    if_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A row: what agents call it, what it is for in a sentence, and which call it makes."""

    name: str
    title: str
    says: str
    call: str
    #: Arguments of the call that agents are not given.
    without: frozenset[str] = frozenset()
    looks: tuple[Look, ...] = ()
    #: What it ends is over for good.
    destructive: bool = False
    #: What is to be known of some arguments beside what the call says.
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether it changes something."""
        return bool(self.looks)

    @property
    def needs(self) -> frozenset[str]:
        """The calls without which it is of no use."""
        return frozenset({self.call, *(look.call for look in self.looks if not look.if_allowed)})


def _dry(arguments: _Arguments) -> _Arguments:
    return {**arguments, "dry_run": True}


def _counted(arguments: _Arguments) -> _Arguments:
    """The API counts what a filter finds, and changes nothing, until it is said how many are meant."""
    return {name: value for name, value in arguments.items() if name != "at_most"}


def _one_row(arguments: _Arguments) -> _Arguments:
    """A single start, tried as a row of a bulk start, which is let in by the same rules."""
    who = {("customer_id" if kind == "id" else kind): name for kind, name in dict(arguments.get("customer") or {}).items()}
    row = who | {name: arguments[name] for name in ("params", "key", "entry") if arguments.get(name)}
    return {"journey": arguments.get("journey"), "rows": [row], "dry_run": True}


def _only(*names: str) -> Callable[[_Arguments], _Arguments]:
    return lambda arguments: {name: arguments[name] for name in names if name in arguments}


_COUNTED = {"at_most": "how many you mean, as the dry run counts; if there are more by then, nothing is done"}
_LANGUAGE = {"predicate": "the definition as JSON; read_reference has the words (section `segments`), get_segment examples"}
_FORETOLD = {
    "of": "whom it is of, a predicate as segments have it; read_reference has the words (section `segments`)",
    "label": "what comes true, a predicate asked at the end of the horizon; it looks back no further than that",
}
_SEEN = Look("in_doubt", "GET /v1/messages/in-doubt", _only("provider", "channel", "journey", "run_id", "since", "until"))

#: In the order in which they are listed: the catalogue, customers, what happens, what to look after; then what changes.
TOOLS: tuple[Tool, ...] = (
    Tool(
        "list_journeys",
        "Journeys",
        "What each is for, who enters, what ends it, its parameters, how many are in it, and what needs somebody.",
        "GET /v1/journeys",
    ),
    Tool(
        "journey_graph",
        "Every way through a journey",
        "What a journey does on every path, as a graph: its messages, waits and questions with their times, and what decides.",
        "GET /v1/journeys/{journey}/graph",
    ),
    Tool("list_segments", "Segments", "Every segment with its size, owner, journeys and concerns.", "GET /v1/segments"),
    Tool(
        "get_segment",
        "A segment",
        "A segment in words and as JSON, what it is made of, and why it may be true of nobody.",
        "GET /v1/segments/{name}",
    ),
    Tool(
        "segment_size",
        "A segment's size over time",
        "Who entered and left a segment on each day, and how many were in it.",
        "GET /v1/segments/{name}/days",
    ),
    Tool(
        "check_definition",
        "Check a segment's definition",
        "Whether a definition can be read, what it means in words, and why it may be true of nobody. Saves and counts nothing.",
        "POST /v1/segments/check",
        notes=_LANGUAGE,
    ),
    Tool(
        "count_definition",
        "Count a definition",
        "Of how many customers a definition is true now. Nothing is saved.",
        "POST /v1/segments/count",
        without=frozenset({"limit"}),
        notes=_LANGUAGE,
    ),
    Tool(
        "preview_definition",
        "Customers of a definition",
        "Some customers of whom a definition is true now, with the traits that it names. Nothing is saved.",
        "POST /v1/segments/preview",
        notes=_LANGUAGE,
    ),
    Tool(
        "list_templates",
        "Templates",
        "The templates of messages by channel, with what each has to be given.",
        "GET /v1/templates",
    ),
    Tool(
        "preview_message",
        "Preview a message",
        "A message as it would look with values that you make up, or for a customer.",
        "POST /v1/templates/{channel}/{template}/preview",
    ),
    Tool(
        "simulate_journey",
        "Play a made-up customer through a journey",
        "Which messages somebody made up would get from a deployed journey, when, and why not the others. Sends nothing.",
        "POST /v1/journeys/{journey}/simulate",
    ),
    Tool("list_versions", "Versions", "The deployed versions of the catalogue, and who is in each.", "GET /v1/versions"),
    Tool(
        "compare_versions",
        "Compare two versions",
        "What a deployed version does to people that another does not: messages that come, go or move, conditions, goals.",
        "GET /v1/versions/changes",
    ),
    Tool(
        "find_customer",
        "A customer",
        "One customer by one name: traits and where they come from, consents, addresses, segments.",
        "GET /v1/profiles",
    ),
    Tool(
        "segment_members",
        "Members of a segment",
        "Who is in a segment now, with the traits that its definition names.",
        "GET /v1/segments/{name}/members",
    ),
    Tool(
        "why_in_segment",
        "Why somebody is in a segment or not",
        "Each part of the definition for one customer: what it saw, and when time alone changes it.",
        "GET /v1/segments/{name}/why",
    ),
    Tool(
        "why_not",
        "Why somebody did not enter, or got no message",
        "Why a customer did not enter a journey or was not sent one of its messages: what stands in the way, what was refused.",
        "GET /v1/journeys/{journey}/why-not",
    ),
    Tool(
        "list_runs",
        "Runs",
        "Customers in journeys: find them by journey, customer, status or time; each with where it stands and what comes next.",
        "GET /v1/runs",
    ),
    Tool("get_run", "A run", "One customer's run with its messages and calls so far.", "GET /v1/runs/{run_id}"),
    Tool(
        "run_story",
        "The story of a run",
        "What happened in a run and why, where it stands, and what comes next and when.",
        "GET /v1/runs/{run_id}/story",
    ),
    Tool("list_reports", "Reports", "The reports that there are, and what each may be asked for.", "GET /v1/reports"),
    Tool(
        "get_report",
        "A report",
        "A report by its name, with the rules by which it counts and the denominator of each column.",
        "GET /v1/reports/{name}",
    ),
    Tool("list_concerns", "What to worry about", "Segments not to be trusted as they stand, and why.", "GET /v1/concerns"),
    Tool(
        "trait_coverage", "Coverage of traits", "Who has which trait, how fresh, and where that is too few.", "GET /v1/coverage"
    ),
    Tool(
        "get_state", "The switch of everything", "Whether everything is paused or killed, since when, by whom.", "GET /v1/state"
    ),
    Tool("list_campaigns", "Campaigns and starts", "Campaigns and bulk starts with how far each is.", "GET /v1/campaigns"),
    Tool("get_campaign", "A campaign", "One campaign or bulk start: progress and outcomes.", "GET /v1/campaigns/{campaign}"),
    Tool(
        "campaign_report",
        "Who was left out of a campaign",
        "Row by row what was wrong, or why nothing came of a customer.",
        "GET /v1/campaigns/{campaign}/report",
    ),
    Tool("list_doubts", "Messages in doubt", "What a provider may have and nobody knows.", "GET /v1/messages/in-doubt"),
    Tool(
        "list_dead_letters", "Dead letters", "What was sent to us and could not be taken, with reasons.", "GET /v1/dead-letters"
    ),
    Tool("list_tasks", "Tasks", "What people are asked to do, oldest first.", "GET /v1/tasks"),
    Tool("list_providers", "Providers", "How each provider stands: limits, what it accepts and refuses.", "GET /v1/providers"),
    Tool("list_sources", "Sources", "Tables and files that are read: how old, late or failing each is.", "GET /v1/sources"),
    Tool("list_audiences", "Audiences", "Segments that other systems are told of, and how that goes.", "GET /v1/audiences"),
    Tool(
        "list_models", "Predictions", "Which model scores customers, how good it is, whether it is trusted.", "GET /v1/models"
    ),
    Tool(
        "get_model",
        "A prediction",
        "The cards of a prediction's models: features, measures, importance, and what came of its scores.",
        "GET /v1/models/{name}",
    ),
    Tool(
        "check_prediction",
        "Check a prediction's declaration",
        "Whether a declaration can be used, of how many customers it is, whether that is enough to train by. Saves nothing.",
        "POST /v1/models/check",
        notes=_FORETOLD,
    ),
    Tool(
        "get_product",
        "A product",
        "A product and what goes with it: by the shop, and by what customers had together, with the numbers.",
        "GET /v1/products/{product_id}",
    ),
    Tool(
        "product_changes",
        "Changes of products",
        "How prices and stock changed, how many customers were told, or why nobody was.",
        "GET /v1/product-changes",
    ),
    Tool(
        "product_rounds",
        "What is worked out of products",
        "What goes together, who buys again when: how each round stands.",
        "GET /v1/product-rounds",
    ),
    Tool(
        "expected_purchases",
        "When a customer buys again",
        "When one customer is expected to buy what again, and by which numbers.",
        "GET /v1/profiles/{customer_id}/expected",
    ),
    Tool("list_choices", "Choices", "What journeys let customers decide, and whether it learns.", "GET /v1/choices"),
    Tool(
        "get_choice",
        "A choice",
        "Shares over time, what each option brought those drawn evenly with bounds, and what was lost by learning.",
        "GET /v1/choices/{name}",
    ),
    Tool("list_receivers", "Receivers", "Who is told what happens by webhooks, and how that goes.", "GET /v1/subscriptions"),
    Tool("list_lists", "Lists", "The lists of customers and their sizes.", "GET /v1/lists"),
    Tool("read_audit", "The audit", "Who changed what, from what to what.", "GET /v1/audit"),
    Tool(
        "read_reference",
        "The reference",
        "How segments are written, the handle of journeys, templates, calls, tools and commands; by section.",
        "GET /v1/reference",
    ),
    Tool(
        "switch_everything",
        "Stop everything, or resume",
        "Pause all journeys at once (messages wait), let them live again, or kill them (whoever is in is out, for good).",
        "PUT /v1/state",
        looks=(
            Look("now", "GET /v1/state", _only()),
            Look("journeys", "GET /v1/journeys", _only()),
        ),
        destructive=True,
    ),
    Tool(
        "switch_journey",
        "Pause, resume or kill a journey",
        "Pause one journey (its messages wait), let it live again, or kill it (whoever is in is out, for good).",
        "PUT /v1/journeys/{journey}/state",
        looks=(Look("journey", "GET /v1/journeys", _only("journey")),),
        destructive=True,
    ),
    Tool(
        "start_run",
        "Start a journey for one customer",
        "Let one customer into a journey, by the journey's own rules.",
        "POST /v1/journeys/{journey}/runs",
        looks=(Look("would", "POST /v1/journeys/{journey}/starts", _one_row),),
    ),
    Tool(
        "start_many",
        "Start a journey for many",
        "Let rows of customers, a segment or a list into a journey: at once, at an instant, or again and again.",
        "POST /v1/journeys/{journey}/starts",
        without=frozenset({"dry_run"}),
        looks=(Look("would", "POST /v1/journeys/{journey}/starts", _dry),),
    ),
    Tool(
        "make_campaign",
        "Send one message to many",
        "Send one message to everybody in a segment or on a list, past consent, caps, quiet hours and the holdout.",
        "POST /v1/campaigns",
        without=frozenset({"dry_run"}),
        looks=(Look("would", "POST /v1/campaigns", _dry),),
    ),
    Tool(
        "switch_campaign",
        "Pause, resume or cancel a campaign",
        "Pause a campaign or bulk start, let it go on, or cancel it.",
        "PUT /v1/campaigns/{campaign}/state",
        looks=(Look("campaign", "GET /v1/campaigns/{campaign}", _only("campaign")),),
        destructive=True,
    ),
    Tool(
        "switch_audience",
        "Pause an audience, or resume",
        "Let who comes into an audience and who leaves it wait, or go on; who may not be passed on is removed all the same.",
        "PUT /v1/audiences/{name}/state",
        looks=(Look("audience", "GET /v1/audiences/{name}", _only("name")),),
    ),
    Tool(
        "compare_audience",
        "Compare an audience in full",
        "Have all of an audience compared with its segment now, and its destination told again.",
        "POST /v1/audiences/{name}/compare",
        looks=(Look("audience", "GET /v1/audiences/{name}", _only("name")),),
    ),
    Tool(
        "define_segment",
        "Define or change a segment",
        "Define a segment of your own, or change one and with it all that name it.",
        "PUT /v1/segments/{name}",
        looks=(
            Look("means", "POST /v1/segments/check", _only("predicate")),
            Look("stands", "GET /v1/segments/{name}", _only("name"), may_lack=True),
            Look("counted", "POST /v1/segments/count", _only("predicate"), if_allowed=True),
        ),
        notes=_LANGUAGE,
    ),
    Tool(
        "declare_prediction",
        "Declare or change a prediction",
        "Declare what is to be foretold of customers, or change it; models are trained and customers scored by it.",
        "PUT /v1/models/{name}",
        looks=(
            Look("would", "POST /v1/models/check"),
            Look("stands", "GET /v1/models/{name}", _only("name"), may_lack=True),
        ),
        notes=_FORETOLD,
    ),
    Tool(
        "end_run",
        "End one run",
        "End one customer's run; messages at a provider still go out.",
        "POST /v1/runs/{run_id}/end",
        looks=(Look("run", "GET /v1/runs/{run_id}", _only("run_id")),),
        destructive=True,
    ),
    Tool(
        "end_runs",
        "End many runs",
        "End the open runs that a filter finds.",
        "POST /v1/runs/end",
        looks=(Look("counted", "POST /v1/runs/end", _counted),),
        destructive=True,
        notes=_COUNTED,
    ),
    Tool(
        "settle_doubts",
        "Settle messages in doubt",
        "Say what became of messages in doubt, as the provider's own list has them.",
        "POST /v1/messages/in-doubt/settle",
        without=frozenset({"message", "provider_message_id"}),
        looks=(_SEEN, Look("counted", "POST /v1/messages/in-doubt/settle", _counted)),
        destructive=True,
        notes=_COUNTED,
    ),
    Tool(
        "repeat_doubts",
        "Send messages in doubt once more",
        "Send messages in doubt again; they may arrive twice.",
        "POST /v1/messages/in-doubt/repeat",
        without=frozenset({"message"}),
        looks=(_SEEN, Look("counted", "POST /v1/messages/in-doubt/repeat", _counted)),
        notes=_COUNTED,
    ),
    Tool(
        "replay_dead_letters",
        "Replay dead letters",
        "Read dead letters again after a fix; each is stored once.",
        "POST /v1/dead-letters/replay",
        without=frozenset({"ids"}),
        looks=(Look("letters", "GET /v1/dead-letters", _only("source", "reason", "since", "until")),),
    ),
)
NAMED = {tool.name: tool for tool in TOOLS}
