"""Commands for the rights of customers."""
