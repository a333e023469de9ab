"""Calls to the company's services: where they are, what they are told, and what their answers mean."""
