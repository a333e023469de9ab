"""A run as Temporal has it: the one workflow of all journeys, and which catalogue this process serves."""
