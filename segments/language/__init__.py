"""The language itself: predicates, what may stand in them, how they are read and told; pure."""
