"""What people ask of segments: who, how many, why, and what to worry about."""
