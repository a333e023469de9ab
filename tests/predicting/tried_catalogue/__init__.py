"""A shop that has trees on trial beside its curves, by two fifths of the customers, until 150 of them were judged by both."""

from journeys import Prediction, Segment, Trial, days, did, rfm

ordered = did("Order Completed")
churn = Prediction(
    "churn",
    of=ordered.at_least(2),
    label=~ordered.within(days=30),
    horizon=days(30),
    features=rfm(days=(30, 90)),
    max_age=days(56),
    challenger=Trial("trees", share=0.4, people=150),
)
at_risk = Segment("at-risk", churn.crosses(0.7, back_at=0.5))
