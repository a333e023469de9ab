"""The workflow that reads a source once; its schedule starts it, and whoever asks for it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE, SourceReading
    from workers.workflows.rounds import one_round


@workflow.defn(name="read-source")
class ReadSource:
    """One reading."""

    @workflow.run
    async def run(self, source: str) -> str:
        """Read it to its end; what came of it, in words."""
        asked = SourceReading(source=source, at=workflow.now())
        return await one_round("read-source", asked, queue=WATCH_QUEUE, hours=12, summary=f"{source} is read")
