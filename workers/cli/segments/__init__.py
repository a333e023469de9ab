"""`journeys segments …`: a word of the command line that has many of its own."""
