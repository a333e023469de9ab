"""The console: pages for people over the functions that the API has for programs; docs/console.md says how a page is added."""
