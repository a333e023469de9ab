"""`journeys export`: what happened, for other programs."""
