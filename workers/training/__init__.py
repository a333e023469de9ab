"""The process that trains predictions, and nothing else."""
