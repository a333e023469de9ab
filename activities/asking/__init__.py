"""What a run asks, and what it waits for: answered from Postgres, written down there."""
