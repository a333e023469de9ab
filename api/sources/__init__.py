"""How sources stand, over HTTP; and reading one at once."""
