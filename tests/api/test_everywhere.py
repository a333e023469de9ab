"""Nothing that only one door can do: each call of people has a command, or a reason why a command would be of no use."""

from typer.main import get_command

from store.keys import Right
from tests.api.test_roles import calls
from tests.workers.test_json import leaves
from workers.cli.main import app

#: What each call of people is on the command line; more than one where it is several. After a dash: why there is none.
COMMANDS = """
POST /mcp                                       mcp
POST /mcp/write                                 mcp
GET /v1/audiences                               audiences list
DELETE /v1/audiences/{name}                     audiences forget
GET /v1/audiences/{name}                        audiences list
POST /v1/audiences/{name}/compare               audiences compare
POST /v1/audiences/{name}/let-go                audiences let-go
PUT /v1/audiences/{name}/state                  audiences pause, audiences resume
GET /v1/audit                                   audit
GET /v1/campaigns                               starts
POST /v1/campaigns                              starts message
GET /v1/campaigns/{campaign}                    starts show
POST /v1/campaigns/{campaign}/approve           starts approve
GET /v1/campaigns/{campaign}/preview            preview
GET /v1/campaigns/{campaign}/report             starts show
PUT /v1/campaigns/{campaign}/state              starts pause, starts resume, starts cancel
GET /v1/choices                                 choices list
GET /v1/choices/{name}                          choices show
PUT /v1/choices/{name}/state                    choices freeze, choices fix, choices learn
GET /v1/concerns                                segments concerns
GET /v1/coverage                                segments coverage
POST /v1/customers/file                         customers import
GET /v1/dead-letters                            dead-letters list
POST /v1/dead-letters/purge                     dead-letters purge
POST /v1/dead-letters/replay                    dead-letters replay
GET /v1/erasures                                profiles erasures
GET /v1/erasures/{erasure_id}                   profiles erasures
GET /v1/erasures/{erasure_id}/certificate       profiles certificate
GET /v1/export                                  export
GET /v1/export/{table}                          export
POST /v1/history                                customers history
GET /v1/journeys                                runs, switches, graph
GET /v1/journeys/{journey}/graph                graph
POST /v1/journeys/{journey}/runs                starts one
POST /v1/journeys/{journey}/starts              starts everybody
POST /v1/journeys/{journey}/starts/file         starts file
POST /v1/journeys/{journey}/simulate            try
PUT /v1/journeys/{journey}/state                pause, resume, kill
GET /v1/journeys/{journey}/why-not              why-not
GET /v1/keys                                    keys list
GET /v1/keys/mine                               - a command has no key
GET /v1/lists                                   lists list
GET /v1/lists/{name}/imports/{import_id}        lists report
PUT /v1/lists/{name}/imports/{import_id}        lists import
GET /v1/lists/{name}/imports/{import_id}/problems  lists report
POST /v1/lists/{name}/members                   lists add
PUT /v1/lists/{name}/members                    lists import
POST /v1/lists/{name}/members/remove            lists remove
GET /v1/messages                                customers messages
GET /v1/messages/in-doubt                       doubts
POST /v1/messages/in-doubt/repeat               doubts repeat
GET /v1/messages/in-doubt/said                  doubts said
POST /v1/messages/in-doubt/settle               doubts settle
PUT /v1/products                                products import
GET /v1/products/{product_id}                   products show
GET /v1/product-changes                         products changes
GET /v1/product-rounds                          products rounds
POST /v1/product-rounds/{name}                  products work-out
GET /v1/product-rounds/{name}/expected          products due
GET /v1/profiles/{customer_id}/expected         products expected
GET /v1/models                                  models list
GET /v1/models/{name}                           models show
POST /v1/models/check                           models declare
DELETE /v1/models/{name}                        models delete
PUT /v1/models/{name}                           models declare
POST /v1/models/{name}/approve                  models approve
GET /v1/models/{name}/declarations              audit
GET /v1/models/{name}/asks                      segments concerns, segments explain
GET /v1/models/{name}/customers                 models customers
POST /v1/models/{name}/score                    models score
POST /v1/models/{name}/train                    models train
GET /v1/profiles                                profile
DELETE /v1/profiles/{customer_id}               profiles erase
GET /v1/profiles/{customer_id}/consent          profiles consent
POST /v1/profiles/{customer_id}/consent         - of one customer: their own click says it, of many a file, customers import
GET /v1/profiles/{customer_id}/consent/document profiles consent
GET /v1/profiles/{customer_id}/events           customers events
GET /v1/profiles/{customer_id}/export           profiles export
GET /v1/profiles/{customer_id}/merges           merges
POST /v1/profiles/{customer_id}/merges/{merge_id}/undo  unmerge
GET /v1/profiles/{customer_id}/names            customers names
GET /v1/profiles/{customer_id}/scores           models why
POST /v1/profiles/{customer_id}/preference-link - it is for the customer alone, whom the shop's own system sends it to
GET /v1/providers                               providers
DELETE /v1/providers/{who}/limits               providers unlimit
PUT /v1/providers/{who}/limits                  providers limit
GET /v1/reference                               reference
GET /v1/reports                                 report
GET /v1/reports/{name}                          report
GET /v1/retention                               profiles retention
GET /v1/runs                                    runs
POST /v1/runs/end                               runs end
GET /v1/runs/{run_id}                           runs show
POST /v1/runs/{run_id}/end                      runs end
GET /v1/runs/{run_id}/story                     explain
GET /v1/segments                                segments list
POST /v1/segments/check                         segments count
POST /v1/segments/count                         segments count
POST /v1/segments/preview                       segments preview
DELETE /v1/segments/{name}                      segments delete
GET /v1/segments/{name}                         segments explain
PUT /v1/segments/{name}                         segments put
POST /v1/segments/{name}/announce               segments announce
GET /v1/segments/{name}/days                    segments days
GET /v1/segments/{name}/members                 segments preview
GET /v1/segments/{name}/snapshots               lists list
POST /v1/segments/{name}/snapshots              segments snapshot
GET /v1/segments/{name}/why                     segments why
GET /v1/sources                                 sources list
POST /v1/sources/{name}/read                    sources read
GET /v1/state                                   switches
PUT /v1/state                                   pause, resume
GET /v1/subscriptions                           subscriptions list
DELETE /v1/subscriptions/{name}                 subscriptions delete
GET /v1/subscriptions/{name}                    subscriptions list
PUT /v1/subscriptions/{name}                    subscriptions put
GET /v1/subscriptions/{name}/notifications      subscriptions notifications
POST /v1/subscriptions/{name}/replay            subscriptions replay
POST /v1/subscriptions/{name}/secret            subscriptions rotate
PUT /v1/subscriptions/{name}/state              subscriptions pause, subscriptions resume
POST /v1/subscriptions/{name}/test              subscriptions test
GET /v1/suppressions                            suppressions list
POST /v1/suppressions                           suppressions add
POST /v1/suppressions/import                    suppressions import
POST /v1/suppressions/look-up                   suppressions look-up
POST /v1/suppressions/take-back                 suppressions take-back
GET /v1/tasks                                   tasks list
GET /v1/tasks/{task_id}                         tasks show
PUT /v1/tasks/{task_id}/assignee                tasks assign, tasks escalate
POST /v1/tasks/{task_id}/done                   tasks done
GET /v1/templates                               preview
GET /v1/templates/{channel}/{template}/preview  preview
POST /v1/templates/{channel}/{template}/preview preview
GET /v1/versions                                versions
GET /v1/versions/changes                        diff
GET /v1/whatsapp/templates                      whatsapp-templates
"""


def told() -> dict[str, str]:
    """Each call with what stands beside it."""
    found = {}
    for line in COMMANDS.strip().splitlines():
        method, path, beside = line.split(maxsplit=2)
        found[f"{method} {path}"] = beside
    return found


def test_every_call_of_people_is_a_command_or_says_why_not() -> None:
    """What asks for no right is for browsers and providers; what only senders may is for programs that tell events."""
    of_people = {str(each) for each in calls() if not each.of_console and each.asks and each.asks.right is not Right.SEND}
    assert set(told()) == of_people
    known = {name for name, _ in leaves(get_command(app))}
    wrong = {
        call: beside
        for call, beside in told().items()
        if not beside.startswith("- ") and not {each.strip() for each in beside.split(",")} <= known
    }
    assert wrong == {}
