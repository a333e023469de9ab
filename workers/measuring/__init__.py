"""The sums by day, added up anew each night."""
