"""Passes as phones ask for them: the link that adds one, and the service with which Apple's wallet keeps it up to date."""
