"""Email: letters, SMTP, and the way out."""
