"""Temporal workflows beside journeys: each has its work done by activities, and tells how far it is."""
