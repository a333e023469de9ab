"""How often a customer will buy again and for how much: MBG/NBD for orders, Gamma-Gamma for their value.

Promise: pure. Times are in weeks, or in any one unit throughout; they are not rounded (whole weeks bias the fit).

Batislam, Denizel, Filiztekin, *Empirical validation and comparison of models for customer base analysis* (2007), for MBG/NBD.
It differs from BG/NBD of Fader, Hardie, Lee, *"Counting Your Customers" the Easy Way* (2005), in one point: a customer may
leave right after the first order too. BG/NBD says that everybody who bought once is alive for ever, so it is the second opinion
of the tests and not what decides. Fader, Hardie, *The Gamma-Gamma Model of Monetary Value* (2013), for the value.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass
from math import inf
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, digamma, gammaln, hyp2f1

from segments.errors import DefinitionError

Floats = NDArray[np.float64]

ALIKE = 1e4  # a shape: what varies by a hundredth around its mean does not vary
_HALF_CHI = 1.92  # of logarithms of likelihoods: within that of the best, a parameter may be the true one (95 %)
FEWEST = 50  # customers of whom anything is fitted
_FAR = 12.0  # logarithm: a parameter there runs away
_QUANTILES = 512
_AT_ONCE = 5_000  # customers, of whom quantiles are looked at together
_SAMPLE = 50_000  # customers: the likelihood's optimum moves by less than its standard error beyond


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """What the models know of customers, a row each.

    Attributes:
        orders: Repeated orders, the first one not counted.
        last: From the first order to the last one; 0 of who ordered once.
        observed: From the first order to the instant of looking; at least `last`.
    """

    orders: Floats
    last: Floats
    observed: Floats

    @classmethod
    def of(cls, orders: Floats, last: Floats, observed: Floats) -> Self:
        """Histories that can be; raises `DefinitionError` for those that can't, with the first such row."""
        x, t, until = (np.asarray(each, dtype=np.float64) for each in (orders, last, observed))
        if not x.shape == t.shape == until.shape:
            raise DefinitionError(
                "histories", f"have columns of {len(x)}, {len(t)} and {len(until)} rows; they need as many each"
            )
        odd = ~((x >= 0) & (t >= 0) & (t <= until) & ((x > 0) == (t > 0)) & np.isfinite(x) & np.isfinite(until))
        if odd.any():
            row = int(np.argmax(odd))
            told = f"row {row} has {x[row]} repeated orders, the last at {t[row]} of {until[row]}"
            raise DefinitionError("histories", f"{told}; that can't be")
        return cls(x, t, until)

    def __len__(self) -> int:
        return len(self.orders)

    def some(self, most: int, seed: int) -> "Histories":
        """At most so many of them, drawn without regard to what is in them."""
        if len(self) <= most:
            return self
        rows = np.random.default_rng(seed).choice(len(self), most, replace=False)
        return Histories(self.orders[rows], self.last[rows], self.observed[rows])


@dataclass(frozen=True, slots=True)
class Orders:
    """MBG/NBD: orders come at a customer's own rate (gamma: r, alpha); after each, the first too, some leave (beta: a, b)."""

    r: float
    alpha: float
    a: float
    b: float

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def fit(cls, histories: Histories, *, most: int = _SAMPLE, seed: int = 0) -> Self:
        """By maximum likelihood over a sample.

        Raises:
            DefinitionError: fewer than 50 customers, nobody ordered again, or the likelihood has no optimum.
        """
        seen = histories.some(most, seed)
        if len(seen) < FEWEST or not (seen.orders > 0).any():
            raise DefinitionError(
                "orders", f"need at least {FEWEST} customers, and some who ordered again, to expect the next one"
            )
        scale = float(seen.observed.max())
        r, alpha, a, b = _optimum(lambda p: _loss(p, seen, scale), (0.5, 0.5, 0.5, 1.0), "orders")
        return cls(r, alpha * scale, a, b)

    def log_likelihood(self, histories: Histories) -> float:
        """Natural logarithm, over all of them."""
        value, _ = _loss(_array(astuple(self)), histories, 1.0)
        return -value * len(histories)

    def alive(self, histories: Histories) -> Floats:
        """The probability that a customer has not left."""
        return 1 / (1 + self._odds(histories))

    def expected(self, histories: Histories, ahead: float) -> Floats:
        """Orders expected within the time ahead."""
        x = histories.orders
        z = ahead / (self.alpha + histories.observed + ahead)
        with np.errstate(all="ignore"):
            more = hyp2f1(self.r + x, self.b + x + 1, self.a + self.b + x, z) * (1 - z) ** (self.r + x)
            of_who_stays: Floats = (self.a + self.b + x) / (self.a - 1) * (1 - more)
        beyond = ~np.isfinite(of_who_stays)  # of customers so much alike that the series overflows
        for rows in np.array_split(np.flatnonzero(beyond), beyond.sum() // _AT_ONCE + 1):
            of_who_stays[rows] = self._by_quantiles(x[rows], ahead / (self.alpha + histories.observed[rows]))
        result: Floats = of_who_stays / (1 + self._odds(histories))
        return result

    def _by_quantiles(self, x: Floats, ahead: Floats) -> Floats:
        """Orders of who has not left, as a mean over how readily customers leave; `ahead` in units of alpha and observed."""
        at = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
        leaves = np.maximum(betaincinv(self.a, self.b + x[:, None] + 1, at), np.finfo(float).tiny)
        made = -np.expm1(-(self.r + x)[:, None] * np.log1p(leaves * ahead[:, None])) / leaves
        result: Floats = made.mean(axis=1)
        return result

    def draws(self, orders: float, last: float, observed: float, ahead: float, count: int, seed: int = 0) -> Floats:
        """So many possible futures of one customer: orders within the time ahead, as the model believes them."""
        dice = np.random.default_rng(seed)
        one = Histories.of(np.array([orders]), np.array([last]), np.array([observed]))
        alive = dice.random(count) < self.alive(one)[0]
        rate = dice.gamma(self.r + orders, 1 / (self.alpha + observed), count)
        leaves = dice.beta(self.a, self.b + orders + 1, count)
        would = dice.poisson(rate * ahead)  # if nobody left: the n-th order is made by who has not left at one before
        until = dice.geometric(np.clip(leaves, 1e-12, 1))
        return np.where(alive, np.minimum(would, until), 0).astype(np.float64)

    def _odds(self, histories: Histories) -> Floats:
        """Of having left."""
        x = histories.orders
        silent = (self.alpha + histories.observed) / (self.alpha + histories.last)
        with np.errstate(over="ignore"):  # who has certainly left
            result: Floats = self.a / (self.b + x) * silent ** (self.r + x)
        return result


@dataclass(frozen=True, slots=True)
class Value:
    """Gamma-Gamma: what a customer spends on an order varies around a mean of their own (p), and means vary (q, v)."""

    p: float
    q: float
    v: float

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def fit(cls, orders: Floats, mean: Floats, *, most: int = _SAMPLE, seed: int = 0) -> Self:
        """By maximum likelihood, of customers with at least one repeated order and a mean value above zero.

        Raises:
            DefinitionError: fewer than 50 of those, or the likelihood has no optimum.
        """
        x, m = np.asarray(orders, dtype=np.float64), np.asarray(mean, dtype=np.float64)
        known = (x > 0) & (m > 0)
        x, m = x[known], m[known]
        if len(x) < FEWEST:
            raise DefinitionError("value", f"needs at least {FEWEST} customers who ordered again and paid; there are {len(x)}")
        if len(x) > most:
            rows = np.random.default_rng(seed).choice(len(x), most, replace=False)
            x, m = x[rows], m[rows]
        scale = float(m.mean())
        try:
            p, q, v = _optimum(lambda each: _loss_of_value(each, x, m / scale), (2.0, 2.0, 2.0), "value")
        except DefinitionError:
            p, q, v = _at_an_edge(x, m / scale)
        return cls(p, q, v * scale)

    def expected(self, orders: Floats, mean: Floats) -> Floats:
        """The mean value of a customer's orders: theirs, drawn towards that of all, the more the fewer they have."""
        with np.errstate(over="ignore"):  # what is no number is looked for by whoever writes it
            result: Floats = self.p * (self.v + orders * mean) / (self.p * orders + self.q - 1)
        return result


def _at_an_edge(x: Floats, m: Floats) -> tuple[float, float, float]:
    """Gamma-Gamma where either all customers are alike, or all orders of one customer, as far as can be told: the likelier one.

    Where it is the orders, they vary as much as what is known allows (95 %), so that nobody's next one is taken for certain.
    """
    all_alike = float(np.average(m, weights=x))
    p = min(all_alike**2 / max(float(np.mean(x * (m - all_alike) ** 2)), 1e-12), ALIKE)
    found = [(p, ALIKE, all_alike * (ALIKE - 1) / p)]
    shapes = [ALIKE / 2**n for n in range(14)] if np.ptp(m) > 0 else []
    own = []
    for shape in shapes:
        try:
            q, w = _optimum(lambda each, p=shape: _of_shape(each, p, x, m), (2.0, 2.0), "value")  # type: ignore[misc]
        except DefinitionError:
            break
        own.append((shape, q, w / shape))
    losses = [len(x) * _loss_of_value(_array(each), x, m)[0] for each in (*found, *own)]
    if not own or losses[0] <= min(losses[1:]):
        return found[0]
    within = [each for each, loss in zip(own, losses[1:], strict=True) if loss <= min(losses[1:]) + _HALF_CHI]
    return min(within)


def _of_shape(parameters: Floats, p: float, x: Floats, m: Floats) -> tuple[float, Floats]:
    """The loss of Gamma-Gamma by q and the product of p and v, p being given."""
    q, w = parameters
    value, (_, by_q, by_v) = _loss_of_value(_array((p, q, w / p)), x, m)
    return value, _array((by_q, by_v / p))


def _check(model: Orders | Value) -> None:
    if not all(isinstance(each, int | float) and 0 < each < inf for each in astuple(model)):
        raise DefinitionError("model", "has parameters that are not above zero")


def _array(values: tuple[float, ...]) -> Floats:

    return np.array(values, dtype=np.float64)


def _optimum(loss: Callable[[Floats], tuple[float, Floats]], start: tuple[float, ...], of: str) -> tuple[float, ...]:
    """Where a loss is least, over positive parameters."""

    def of_logs(logs: Floats) -> tuple[float, Floats]:
        at = np.exp(logs)
        value, slope = loss(at)
        return value, slope * at

    found = minimize(of_logs, np.log(start), jac=True, method="L-BFGS-B", bounds=[(-_FAR, _FAR)] * len(start))
    if not np.isfinite(found.fun) or np.abs(found.x).max() > _FAR - 0.1:
        raise DefinitionError(of, "have no optimum: the customers are too few or too much alike to say how they differ")
    return tuple(float(each) for each in np.exp(found.x))


def _loss(parameters: Floats, seen: Histories, scale: float) -> tuple[float, Floats]:
    """The mean negative log-likelihood of MBG/NBD, and its slope."""
    r, alpha, a, b = parameters
    x, last, whole = seen.orders, alpha + seen.last / scale, alpha + seen.observed / scale
    stays = betaln(a, b + x + 1) - (r + x) * np.log(whole)
    leaves = betaln(a + 1, b + x) - (r + x) * np.log(last)
    both = np.logaddexp(stays, leaves)
    first = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    w = np.exp(stays - both)  # of being alive
    u = 1 - w
    mixed = w * np.log(whole) + u * np.log(last)
    total = digamma(a + b + x + 1)
    slope = _array(
        (
            np.mean(digamma(r + x) - digamma(r) + np.log(alpha) - mixed),
            np.mean(r / alpha - (r + x) * (w / whole + u / last)),
            np.mean(w * digamma(a) + u * digamma(a + 1) - total) - (digamma(a) - digamma(a + b)),
            np.mean(w * digamma(b + x + 1) + u * digamma(b + x) - total) - (digamma(b) - digamma(a + b)),
        )
    )
    value = float(np.mean(first + both)) - float(np.mean(x)) * float(np.log(scale))
    return -value, -slope


def _loss_of_value(parameters: Floats, x: Floats, m: Floats) -> tuple[float, Floats]:
    """The mean negative log-likelihood of Gamma-Gamma, but for what no parameter moves, and its slope."""
    p, q, v = parameters
    px, s = p * x, v + m * x
    value = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v) + px * np.log(m * x) - (px + q) * np.log(s)
    slope = _array(
        (
            np.mean(x * (digamma(px + q) - digamma(px) + np.log(m * x) - np.log(s))),
            np.mean(digamma(px + q) - np.log(s)) - digamma(q) + np.log(v),
            np.mean(q / v - (px + q) / s),
        )
    )
    return -float(np.mean(value)), -slope
