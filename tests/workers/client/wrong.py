"""What mypy refuses: a misspelt parameter, one of no model, an argument and a field that do not exist."""

from trial_client import Journeys, models


def wrong(client: Journeys) -> None:
    models.ByChoiceParams(rout="push")
    models.StartRun(customer=models.Customer(user_id="ana"), params={"route": "push"})
    client.list_runs(state="open")
    client.get_segment("vips").owners.strip()
