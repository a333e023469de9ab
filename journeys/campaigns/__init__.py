"""Campaigns: one message, or a journey, to many customers at an instant. Pure: what is sent, and what crosses to Temporal."""
