"""Whether and when a message may go out, decided without looking anything up: delivery and simulator ask the same."""
