"""Providers of pushes: Apple's and browsers'."""
