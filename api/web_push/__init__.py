"""Web push: what a shop's pages and the browser's service worker load, and what they tell."""
