"""The workflows of audiences."""
