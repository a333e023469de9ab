"""The whole product on one machine without Docker: each server found or brought along, none left behind."""
