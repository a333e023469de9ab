"""Products: what is offered to whom, what goes with what, how prices move, and when something is bought again."""
