"""Wallet: passes on a customer's phone, Apple's and Google's, issued and updated by journeys."""
