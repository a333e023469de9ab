"""Choices over HTTP: how shares go, what each option brings those who were drawn evenly, and an operator's switch."""
