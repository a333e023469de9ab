"""How many people a training takes: for who trains, and for who asks beforehand.

Promise: one number in one place.
"""

#: A curve is fitted by so many people of either outcome.
FEWEST = 50
#: Where one instant is all that is known, this share of its people is fitted to.
FITTED = 0.6
