"""The workflows that train and score predictions."""
