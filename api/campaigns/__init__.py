"""Starts of many and campaigns: made, looked at, approved, paused, cancelled."""
