"""Campaigns at work: their customers enter a journey, or get one message, some thousands in an activity."""
