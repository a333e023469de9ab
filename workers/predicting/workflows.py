"""The workflows that train a prediction and score customers by it, once; schedules start them, and whoever asks for it."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import TRAIN_QUEUE, PredictionRound

_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=10), maximum_attempts=20)
#: A process that trains has one thread, which now and then does nothing else for a while.
_ALIVE = timedelta(minutes=1)


@workflow.defn(name="train-prediction")
class TrainPrediction:
    """One training, and a scoring by whichever model is the champion then."""

    @workflow.run
    async def run(self, prediction: str) -> str:
        """Train and score; what came of it, in words. Each try has the same instant, so that no model is kept twice."""
        trained = await _round("train-prediction", prediction, f"{prediction} is trained")
        workflow.set_current_details(trained)
        scored = await _round("score-prediction", prediction, f"customers are scored by {prediction}")
        told = f"{trained}\n{scored}"
        workflow.set_current_details(told)
        return told


@workflow.defn(name="score-prediction")
class ScorePrediction:
    """One scoring."""

    @workflow.run
    async def run(self, prediction: str) -> str:
        """Score; what came of it, in words."""
        told = await _round("score-prediction", prediction, f"customers are scored by {prediction}")
        workflow.set_current_details(told)
        return told


async def _round(activity: str, prediction: str, summary: str) -> str:
    told: str = await workflow.execute_activity(
        activity,
        PredictionRound(prediction=prediction, at=workflow.now()),
        result_type=str,
        task_queue=TRAIN_QUEUE,
        start_to_close_timeout=timedelta(hours=4),
        heartbeat_timeout=_ALIVE,
        retry_policy=_AGAIN,
        summary=summary,
    )
    return told
