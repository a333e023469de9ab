"""Models that are fitted to the past: what is expected of a customer, and what they are known to be worth.

Pure, but for numpy, scipy and scikit-learn (`pip install "journeys[predictions]"`): the process that trains and scores loads
this room, and nobody else does.
"""
