"""Reports: what the sums by day, and what is left in the store, say of journeys, messages, experiments and customers."""
