"""The workflows of campaigns."""
