"""The workflows that train a prediction and score customers by it, once; schedules start them, and whoever asks for it."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import TRAIN_QUEUE, PredictionRound
    from workers.workflows.rounds import one_round

#: A process that trains has one thread, which now and then does nothing else for a while.
_ALIVE = timedelta(minutes=1)


@workflow.defn(name="train-prediction")
class TrainPrediction:
    """One training, and a scoring by whichever model is the champion then."""

    @workflow.run
    async def run(self, prediction: str) -> str:
        """Train and score; what came of it, in words."""
        trained = await _round("train-prediction", prediction, f"{prediction} is trained")
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
        return await _round("score-prediction", prediction, f"customers are scored by {prediction}")


async def _round(activity: str, prediction: str, summary: str) -> str:
    asked = PredictionRound(prediction=prediction, at=workflow.now())
    return await one_round(activity, asked, queue=TRAIN_QUEUE, hours=4, summary=summary, alive=_ALIVE)
