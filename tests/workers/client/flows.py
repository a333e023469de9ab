"""What somebody does with the client of a deployment; checked by mypy as it stands, and done on a real server."""

from datetime import timedelta
from uuid import UUID

import pytest
from trial_client import AsyncJourneys, Invalid, Journeys, NotFound, async_pages, models, pages

GOLD = {"trait": "tier", "is": "==", "value": "gold"}


def tell(ingest: Journeys, users: list[str]) -> models.BatchAnswer:
    """Customers and what they did, in one batch, twice: the second stores nothing."""
    calls: list[models.IdentifyCall | models.TrackCall] = []
    for user in users:
        device: object = {"token": f"token-{user}", "type": "android"}
        yes = [{"key": f"token-{user}", "type": "ANDROID_PUSH", "status": "SUBSCRIBED"}]
        context = {"device": device, "messaging_subscriptions": yes}
        traits = {"tier": "gold", "firstName": user}
        calls.append(models.IdentifyCall(type="identify", userId=user, traits=traits, context=context))
        calls.append(models.TrackCall(type="track", userId=user, event="Product Viewed", properties={"price": 59.9}))
    first = ingest.batch(models.BatchBody(batch=calls), idempotency_key="monday")
    again = ingest.batch(models.BatchBody(batch=calls), idempotency_key="monday")
    assert (again.accepted, again.duplicates) == (0, first.accepted)
    return first


def start(client: Journeys) -> UUID:
    """A run by parameters of its journey's own model; the same key is the same run, and what is wrong is told by its place."""
    ana = models.Customer(user_id="ana")
    body = models.StartRun(customer=ana, params=models.ByChoiceParams(route="push", note="call her Anita"))
    run = client.start_run("by_choice", body, idempotency_key="k-1")
    assert client.start_run("by_choice", body, idempotency_key="k-1").id == run.id
    with pytest.raises(Invalid) as told:
        client.start_run("urgent", models.StartRun(customer=ana, params=models.ByChoiceParams(route="email")))
    assert (told.value.status, told.value.code, told.value.errors[0].pointer) == (422, "invalid-params", "/params")
    with pytest.raises(NotFound, match="unknown-customer"):
        client.start_run("by_choice", models.StartRun(customer=models.Customer(user_id="nobody")))
    return run.id


def look(client: Journeys, run: UUID) -> models.ProfileView:
    """One run, all of a customer's, and the customer on one page."""
    assert client.get_run(run).journey == "by_choice"
    ids = [each.id for page in pages(lambda after: client.list_runs(user_id="ana", limit=1, after=after)) for each in page.runs]
    assert run in ids
    assert len(ids) == len(set(ids))
    profile = client.get_profile(user_id="ana")
    events = [
        each
        for page in pages(lambda after: client.list_events(profile.customer_id, limit=1, after=after))
        for each in page.events
    ]
    assert [each.type for each in events].count("Product Viewed") == 1
    assert "ana" in {each.value for each in client.list_names(profile.customer_id)}
    assert client.why_not("by_choice", user_id="ana").journey == "by_choice"
    client.list_messages(customer_id=profile.customer_id)
    return profile


def define(client: Journeys) -> models.SegmentDetail:
    """A segment: counted before it is saved, saved, and let go again."""
    counted = client.count_definition(models.CountQuestion(predicate=GOLD))
    assert counted.members == 2
    made = client.put_segment("golden", models.SegmentBody(predicate=GOLD, owner="growth"))
    assert client.get_segment("golden").owner == "growth"
    assert "golden" in [each.name for each in client.list_segments()]
    client.delete_segment("golden")
    return made


def campaign(client: Journeys) -> models.CampaignView:
    """A message to a segment: tried, made, looked at, paused and cancelled."""
    message = models.Message(channel="push", template="note", useless_after=timedelta(hours=6), quiet_hours=None)
    new = models.NewCampaign(name="sale", to=models.To(segment="vips"), message=message, per_second=1.0)
    trial = client.make_campaign(new.model_copy(update={"dry_run": True}))
    assert isinstance(trial, models.Trial)
    made = client.make_campaign(new, idempotency_key="sale-1")
    assert isinstance(made, models.CampaignView)
    again = client.make_campaign(new, idempotency_key="sale-1")
    assert isinstance(again, models.CampaignView)
    assert again.id == made.id
    assert client.preview_campaign(made.id, user_id="ana")
    assert client.switch_campaign(made.id, models.Wanted(state="paused")).state == "paused"
    found = [each.id for page in pages(lambda after: client.list_campaigns(limit=1, after=after)) for each in page.campaigns]
    assert found == [made.id]
    rows = client.start_many("by_choice", models.Starts(rows=[{"user_id": "bea", "params": {"route": "email"}}]))
    assert isinstance(rows, models.CampaignView)
    file = client.start_file("by_choice", b"user_id,route\nbea,pigeon\n", media="text/csv")
    assert isinstance(file, models.CampaignView)
    assert file.bad == 1
    return client.switch_campaign(made.id, models.Wanted(state="cancelled"))


def tasks(client: Journeys) -> models.TaskView:
    """A task of the company's: given to somebody, and done."""
    [task] = client.list_tasks(assignee="care", state="open").tasks
    assert client.assign_task(task.id, models.Assignment(assignee="olga")).assignee == "olga"
    return client.complete_task(task.id, models.TaskDone(outcome="sold", values={"calls": 2}))


def report(client: Journeys) -> models.ReportView:
    """A report as its tables, and as a file."""
    assert b"," in client.make_report_file("messages", format="csv")
    return client.make_report("messages")


def files(client: Journeys) -> None:
    """Lists by CSV, with a name that needs care in an address, and an export."""
    made = client.import_csv("vips-2026", UUID(int=5), b"user_id\nana\nnobody\n", replace=True)
    assert (made.added, made.bad, [each.row for each in made.problems]) == (1, 1, [3])
    assert client.export_table("runs", format="csv").count(b"\n") > 1
    client.put_products([models.PutProductsItem(id="p 1 é?#%2F", name="Boots")])
    assert client.get_product("p 1 é?#%2F").name == "Boots"


async def meanwhile(client: AsyncJourneys) -> list[UUID]:
    """The same, awaited."""
    with pytest.raises(NotFound, match="unknown-run"):
        await client.get_run(UUID(int=1))
    everybody = async_pages(lambda after: client.list_runs(limit=1, after=after))
    return [each.id async for page in everybody for each in page.runs]
