"""Choices whose shares follow what they bring: what is declared, what is learned of rewards, and what is drawn for a customer.

Promise: pure, and in the standard library, so that whoever runs journeys loads no numerical library. Nothing here is tested for
significance: that is done by `journeys.experiments`, on those alone who were drawn evenly.
"""
