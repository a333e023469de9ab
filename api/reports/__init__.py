"""What happened, for those who look at numbers: exports."""
