"""What is counted: the sums by day, and what they are made of."""
