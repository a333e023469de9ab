"""The workflow that works something out of products, once; its schedule starts it, and whoever asks for it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE, ProductRound
    from workers.workflows.rounds import one_round


@workflow.defn(name="product-round")
class WorkOut:
    """One round."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Work it out; what came of it, in words."""
        asked = ProductRound(name=name, at=workflow.now())
        return await one_round("product-round", asked, queue=WATCH_QUEUE, hours=4, summary=f"{name} is worked out")
