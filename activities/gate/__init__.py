"""What the gate (`journeys.gate`) is asked about a message, looked up."""
