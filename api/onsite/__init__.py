"""What apps and pages show to the visitor of this moment: their inbox, and content in places of a page."""
