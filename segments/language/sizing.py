"""How many people it takes to see an effect: the sample size of a test of two proportions, in plain arithmetic."""

from math import ceil
from statistics import NormalDist

from segments.language.segment import Effect

POWER = 0.8
SIGNIFICANCE = 0.05


def people_needed(effect: Effect, *, power: float = POWER, significance: float = SIGNIFICANCE) -> int:
    """People in both arms together, split evenly, to find the effect with this power in a two-sided test.

    n per arm = (z(1 - a/2) + z(power))^2 * (p1 q1 + p2 q2) / (p2 - p1)^2, each arm rounded up (Fleiss, Statistical Methods
    for Rates and Proportions, without the continuity correction): 3 % and ten per cent more of it need 106,416 people.
    """
    first, second = effect.base_rate, effect.base_rate * (1 + effect.lift)
    z = NormalDist().inv_cdf(1 - significance / 2) + NormalDist().inv_cdf(power)
    spread = first * (1 - first) + second * (1 - second)
    return 2 * ceil(z**2 * spread / (second - first) ** 2)
