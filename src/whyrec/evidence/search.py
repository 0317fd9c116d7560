"""Compiled search for the smallest sets of events without which an item loses its place.

Both questions are one: after the removal of S at least `need` rivals must stand before the item
(`need` = n: it has left a list of n; `need` = its rank: another has taken its place). A rival k
passes when Σ_{j∈S} γ_j(S) (F_ij - F_kj) reaches its gap s_i - s_k (see `whyrec.recommend.removal`).

Bounds prune the search and never the answer: u_j is the most that removing j can do to any gap, so
a set is looked at only if its u add up to the need-th smallest gap, and a rival counts only if the
best possible partners bring it past. Gaps have a margin for rounding: a set is taken when it passes
with the margin, and a size is called excluded only when no set passes without.
"""

from __future__ import annotations

import numpy as np

from whyrec.recommend.base import Floats, Ints
from whyrec.recommend.compile import kernel

MARGIN = 1e-11
"""Relative slack for rounding: what lies closer than that is left undecided."""


@kernel()
def rank_of(scores: Floats, candidates: Ints, item: int) -> int:
    """1 + the number of candidates before the item; ties by lower index."""
    s = scores[item]
    rank = 1
    for k in range(len(scores)):
        if candidates[k] and (scores[k] > s or (scores[k] == s and k < item)):
            rank += 1
    return rank


@kernel()
def pair_coefficients(
    c: Floats, d: Floats, G: Floats, own: Floats, a: int, b: int
) -> tuple[float, float]:
    """γ_a and γ_b when both are removed."""
    if len(G) == 0:
        return c[a], c[b]
    p, q, r, s = 1 - G[a, a] * d[a], -G[a, b] * d[b], -G[a, b] * d[a], 1 - G[b, b] * d[b]
    x = own[a] - G[a, a] * c[a] - G[a, b] * c[b]
    y = own[b] - G[a, b] * c[a] - G[b, b] * c[b]
    det = p * s - q * r
    return c[a] - d[a] * (s * x - q * y) / det, c[b] - d[b] * (p * y - r * x) / det


@kernel()
def set_coefficients(
    c: Floats, d: Floats, G: Floats, own: Floats, chosen: Ints, size: int, out: Floats
) -> None:
    """γ(S) of the first `size` positions of `chosen`, by elimination."""
    if len(G) == 0:
        for a in range(size):
            out[a] = c[chosen[a]]
        return
    A = np.empty((size, size + 1))
    for a in range(size):
        i = chosen[a]
        A[a, size] = own[i]
        for b in range(size):
            j = chosen[b]
            A[a, b] = (1.0 if a == b else 0.0) - G[i, j] * d[j]
            A[a, size] -= G[i, j] * c[j]
    for p in range(size):
        best = p
        for a in range(p + 1, size):
            if abs(A[a, p]) > abs(A[best, p]):
                best = a
        for b in range(size + 1):
            t = A[p, b]
            A[p, b] = A[best, b]
            A[best, b] = t
        for a in range(size):
            if a != p:
                t = A[a, p] / A[p, p]
                for b in range(p, size + 1):
                    A[a, b] -= t * A[p, b]
    for a in range(size):
        out[a] = c[chosen[a]] - d[chosen[a]] * A[a, size] / A[a, a]


@kernel()
def _count(
    F: Floats,
    item: int,
    rivals: Ints,
    gaps: Floats,
    margin: float,
    chosen: Ints,
    gamma: Floats,
    size: int,
) -> tuple[int, int]:
    """How many rivals pass for certain, and how many may."""
    sure = may = 0
    for r in range(len(rivals)):
        t = 0.0
        for a in range(size):
            j = chosen[a]
            t += gamma[a] * (F[j, item] - F[j, rivals[r]])
        if t >= gaps[r] - margin:
            may += 1
            if t > gaps[r] + margin:
                sure += 1
    return sure, may


@kernel()
def _descending(keys: Floats) -> Ints:
    """Positions by falling key (Shell sort: numba's own takes ten times as long to compile)."""
    n = len(keys)
    order = np.arange(n)
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for a in range(gap, n):
            j = order[a]
            b = a
            while b >= gap and keys[order[b - gap]] < keys[j]:
                order[b] = order[b - gap]
                b -= gap
            order[b] = j
        gap //= 3
    return order


@kernel(loose=True)
def _ranges(F: Floats, low: Floats, high: Floats) -> None:
    """The least and the greatest effect of each event, over all items."""
    for j in range(F.shape[0]):
        a, b = F[j, 0], F[j, 0]
        for k in range(F.shape[1]):
            v = F[j, k]
            a = v if v < a else a
            b = v if v > b else b
        low[j], high[j] = a, b


@kernel()
def search(
    scores: Floats,
    candidates: Ints,
    items: Ints,
    needs: Ints,
    F: Floats,
    c: Floats,
    d: Floats,
    G: Floats,
    own: Floats,
    max_size: int,
    budget: int,
    sets: Ints,
    sizes: Ints,
    excluded: Ints,
) -> None:
    """Answer query q: the smallest set found after which `needs[q]` candidates beat `items[q]`.

    `sets[q, :sizes[q]]` are positions in the history (size 0: none found); every set of up to
    `excluded[q]` events is known not to do it. Sets of all h events are never looked at: without a
    history another ranking applies. `budget` bounds the elementary steps spent on pairs per query.
    """
    h = F.shape[0]
    linear = len(G) == 0
    low = np.empty(h)
    high = np.empty(h)
    _ranges(F, low, high)
    # γ of each event alone, and its range over all partners.
    one = np.empty(h)
    least = np.empty(h)
    most = np.empty(h)
    for j in range(h):
        one[j] = c[j]
        if not linear:
            one[j] = c[j] - d[j] / (1 - G[j, j] * d[j]) * (own[j] - G[j, j] * c[j])
        least[j] = most[j] = one[j]
    if not linear:
        for a in range(h):
            for b in range(a + 1, h):
                x, y = pair_coefficients(c, d, G, own, a, b)
                least[a], most[a] = min(least[a], x), max(most[a], x)
                least[b], most[b] = min(least[b], y), max(most[b], y)
    for q in range(len(items)):
        _query(
            scores, candidates, items[q], needs[q], F, c, d, G, own, low, high, one, least, most,
            max_size, budget, sets[q], sizes[q : q + 1], excluded[q : q + 1],
        )  # fmt: skip


@kernel()
def _twins(F: Floats, a: int, b: int) -> bool:
    """Whether every event has the very same effect on both items."""
    same = True
    for j in range(F.shape[0]):
        same &= F[j, a] == F[j, b]
    return same


@kernel()
def _query(
    scores: Floats,
    candidates: Ints,
    item: int,
    need: int,
    F: Floats,
    c: Floats,
    d: Floats,
    G: Floats,
    own: Floats,
    low: Floats,
    high: Floats,
    one: Floats,
    least: Floats,
    most: Floats,
    max_size: int,
    budget: int,
    chosen: Ints,
    size_out: Ints,
    excluded_out: Ints,
) -> None:
    h, n = F.shape
    linear = len(G) == 0
    size_out[0] = 0
    excluded_out[0] = 0
    top = min(max_size, h - 1)
    if top < 1:
        return
    # u: the most that one removal can close any gap, alone or with a partner.
    u = np.empty(h)
    for j in range(h):
        x, y = F[j, item] - low[j], F[j, item] - high[j]
        u[j] = max(most[j] * x, least[j] * x, most[j] * y, least[j] * y)
    order = _descending(u)
    reach = 0.0
    for m in range(top):
        reach += max(u[order[m]], 0.0)
    margin = MARGIN * (reach + abs(scores[item])) + 1e-12
    if not linear and top > 2:
        reach *= (
            1.5  # γ of larger sets is not bounded by that of pairs: a wider look for the greedy
        )
    rivals = np.empty(n, np.int32)
    gaps = np.empty(n)
    count = 0
    for k in range(n):
        if candidates[k] and k != item:
            gap = scores[item] - scores[k]
            if gap == 0 and _twins(F, item, k):
                # Whatever is removed, the two stay tied and the lower index stands first.
                if k > item:
                    continue
                gap = -np.inf
            if gap <= reach + margin:
                rivals[count] = k
                gaps[count] = gap
                count += 1
    if count < need:
        excluded_out[0] = top if linear else min(top, 2)
        return
    near = _descending(-gaps[:count])
    rivals = rivals[:count][near]
    gaps = gaps[:count][near]
    bar = gaps[need - 1] - margin

    gamma = np.empty(max_size)
    trial = np.empty(max_size, np.int32)
    # One event.
    found = -1
    unsure = False
    for a in range(h):
        j = order[a]
        if u[j] < bar:
            break
        trial[0] = j
        gamma[0] = one[j]
        sure, may = _count(F, item, rivals, gaps, margin, trial, gamma, 1)
        if sure >= need:
            if found < 0 or one[j] * F[j, item] > one[found] * F[found, item]:
                found = j
        elif may >= need:
            unsure = True
    if found >= 0:
        chosen[0] = found
        size_out[0] = 1
        return
    if not unsure:
        excluded_out[0] = 1
    if top < 2:
        return

    # A pair can do it only if enough rivals are in reach of their own two best events.
    reach = max(u[order[0]], 0.0) + max(u[order[1]], 0.0) + margin
    possible = 0
    for r in range(count):
        if possible >= need or gaps[r] > reach:
            break
        first = second = 0.0
        for a in range(h):
            j = order[a]
            if u[j] <= second:
                break
            x = F[j, item] - F[j, rivals[r]]
            t = max(most[j] * x, least[j] * x)
            if t > first:
                first, second = t, first
            elif t > second:
                second = t
        if first + second >= gaps[r] - margin:
            possible += 1
    spent = 0
    if possible >= need:
        for a in range(h - 1):
            i = order[a]
            if u[i] + u[order[a + 1]] < bar or spent > budget:
                break
            for b in range(a + 1, h):
                j = order[b]
                if u[i] + u[j] < bar or spent > budget:
                    break
                trial[0], trial[1] = i, j
                gamma[0], gamma[1] = pair_coefficients(c, d, G, own, i, j)
                sure, may = _count(F, item, rivals, gaps, margin, trial, gamma, 2)
                spent += count
                if sure >= need:
                    chosen[0], chosen[1] = i, j
                    size_out[0] = 2
                    return
                if may >= need:
                    unsure = True
    if not unsure and spent <= budget:
        excluded_out[0] = 2
    if top < 3:
        return
    bound = _least_removals(F, item, need, rivals, gaps, margin, u, order, most, least, top, linear)
    if linear and excluded_out[0] == 2:
        excluded_out[0] = max(2, bound - 1)
    if bound <= top:
        _greedy(
            F, c, d, G, own, one, item, need, rivals, gaps, margin, top,
            chosen, size_out, trial, gamma,
        )  # fmt: skip


@kernel()
def _least_removals(
    F: Floats,
    item: int,
    need: int,
    rivals: Ints,
    gaps: Floats,
    margin: float,
    u: Floats,
    order: Ints,
    most: Floats,
    least: Floats,
    top: int,
    linear: bool,
) -> int:
    """A lower bound, at least 3, on the size of a set that brings `need` rivals past the item.

    Each rival needs at least as many removals as its largest differences need to add up to its gap.
    Proven for linear models. In iALS γ of sets larger than pairs is not bounded: there the bound,
    with a tenth to spare and for the nearest rivals only, just says where looking on is vain.
    """
    count = len(rivals) if linear else min(len(rivals), need + 128)
    spare = 1.0 if linear else 1.1
    steps = np.full(count, top + 1, np.int32)
    best = np.empty(top)
    three = 0
    for r in range(count):
        if three >= need:
            return 3
        best[:] = 0
        for a in range(len(order)):
            j = order[a]
            if u[j] <= best[top - 1]:
                break
            x = F[j, item] - F[j, rivals[r]]
            t = max(most[j] * x, least[j] * x)
            if t > best[top - 1]:
                at = top - 1
                while at > 0 and t > best[at - 1]:
                    best[at] = best[at - 1]
                    at -= 1
                best[at] = t
        total = 0.0
        for m in range(top):
            total += best[m]
            if total * spare >= gaps[r] - margin:
                steps[r] = m + 1
                break
        if steps[r] <= 3:
            three += 1
    if three >= need:
        return 3
    if count < need:
        return top + 1
    for m in range(4, top + 1):
        if (steps <= m).sum() >= need:
            return m
    return top + 1


@kernel()
def _greedy(
    F: Floats,
    c: Floats,
    d: Floats,
    G: Floats,
    own: Floats,
    one: Floats,
    item: int,
    need: int,
    rivals: Ints,
    gaps: Floats,
    margin: float,
    top: int,
    chosen: Ints,
    size_out: Ints,
    trial: Ints,
    gamma: Floats,
) -> None:
    """Larger sets: one by one the event that brings the `need` nearest rivals closest to passing.

    For a place below the top also, rival by rival, the events that speak most for the item against
    it (in a linear model the smallest set for that rival).
    """
    h = F.shape[0]
    count = len(rivals)
    wide = min(count, need + 16)
    near = np.empty((h, wide))
    for j in range(h):
        for r in range(wide):
            near[j, r] = one[j] * (F[j, item] - F[j, rivals[r]])
    limit = top + 1
    moved = np.zeros(count)
    used = np.zeros(h, np.bool_)
    for m in range(top):
        best = -1
        best_value = -np.inf
        for j in range(h):
            if used[j]:
                continue
            value = 0.0
            for r in range(wide):
                t = moved[r] + near[j, r] - gaps[r]
                value += 1e-3 * t if t > 0 else t
            if value > best_value:
                best_value = value
                best = j
        if best < 0:
            break
        used[best] = True
        trial[m] = best
        set_coefficients(c, d, G, own, trial, m + 1, gamma)
        sure = 0
        for r in range(count):
            t = 0.0
            for a in range(m + 1):
                t += gamma[a] * (F[trial[a], item] - F[trial[a], rivals[r]])
            moved[r] = t
            if t > gaps[r] + margin:
                sure += 1
        if sure >= need:
            for a in range(m + 1):
                chosen[a] = trial[a]
            size_out[0] = m + 1
            limit = m + 1
            break
    # Sets made for one rival; worth it where that rival is all that is missing.
    above = 0
    while above < count and gaps[above] <= 0:
        above += 1
    if above + 1 < need or limit <= 3:
        return
    best_j = np.empty(top, np.int32)
    best_t = np.empty(top)
    for r in range(above, min(count, above + 48)):
        best_t[:] = -np.inf
        for j in range(h):
            t = one[j] * (F[j, item] - F[j, rivals[r]])
            if t > best_t[top - 1]:
                at = top - 1
                while at > 0 and t > best_t[at - 1]:
                    best_t[at] = best_t[at - 1]
                    best_j[at] = best_j[at - 1]
                    at -= 1
                best_t[at] = t
                best_j[at] = j
        for m in range(2, limit - 1):
            set_coefficients(c, d, G, own, best_j, m + 1, gamma)
            sure, _ = _count(F, item, rivals, gaps, margin, best_j, gamma, m + 1)
            if sure >= need:
                for a in range(m + 1):
                    chosen[a] = best_j[a]
                size_out[0] = m + 1
                limit = m + 1
                break
