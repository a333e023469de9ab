"""Templating: reads a journey's templates, checks them against what is known, and turns them into content."""
