"""What is shown on the page and inside the app: places, and which content suits the visitor of this moment."""
