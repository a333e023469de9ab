"""`journeys report` and what happened, for other programs: `journeys export`, `journeys bucket`."""
