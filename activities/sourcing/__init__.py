"""Reading sources: the company's tables and files become traits, events and lists (docs/sources.md)."""
