"""A small data set with taste in it, and what every adapted model must show."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from whyrec.data.dataset import Dataset
from whyrec.evidence.engine import EvidenceEngine
from whyrec.language.explain import Explainer
from whyrec.recommend.adapters.adapted import leave_one_out
from whyrec.recommend.bundle import Bundle
from whyrec.recommend.ease import EASE

USERS, ITEMS = 60, 40


@cache
def small() -> Dataset:
    """Ratings 1 to 5 with times; ids that sort another way than their numbers; two unrated items."""
    rng = np.random.default_rng(7)
    taste, kind = rng.standard_normal((USERS, 3)), rng.standard_normal((ITEMS, 3))
    appeal = taste @ kind.T + rng.standard_normal((USERS, ITEMS)) * 0.5
    rows = []
    for u in range(USERS):
        for i in rng.permutation(ITEMS - 2)[: rng.integers(8, 20)].tolist():
            stars = int(np.clip(round(3.4 + appeal[u, i]), 1, 5))
            rows.append(
                (f"u{u * 7 % 61}", f"{i * 13 % 41 + 100}", stars, int(rng.integers(1, 9999)))
            )
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "rating", "time"], orient="row")
    items = pl.DataFrame(
        {
            "item_id": [f"{i * 13 % 41 + 100}" for i in range(ITEMS)],
            "title": [f"Film {chr(65 + i % 26)}{i}" for i in range(ITEMS)],
            "genres": [["Drama", "Comedy"][: i % 2 + 1] for i in range(ITEMS)],
        }
    )
    return Dataset.from_frames(events, items, domain="film")


def listed(n: int = 5) -> pl.DataFrame:
    """Somebody's lists (EASE's): user_id, item_id, score and rank."""
    data = small()
    found = (
        EASE(regularization=5.0)
        .fit(data.interactions)
        .recommend(data.interactions, n, exclude=data.seen)
    )
    return pl.DataFrame(
        {
            "user_id": np.repeat(np.array(data.users), n),
            "item_id": [data.catalogue.ids[i] for i in found.items.ravel().tolist()],
            "score": found.scores.ravel(),
            "rank": np.tile(np.arange(1, n + 1), data.n_users),
        }
    )


def check_sums(bundle: Bundle) -> None:
    """Contributions and baseline add up to every score; effects are what leaving out does."""
    model, X = bundle.recommender, bundle.histories
    scores = model.scores(X)
    items = np.arange(model.n_items)
    for user in range(0, X.shape[0], 7):
        history = bundle.history(user)
        parts, effects = model.explain(history, items)
        found = parts.sum(1) + model.baseline(items)
        size = np.maximum(np.abs(scores[user]), np.abs(parts).max(1, initial=1e-9))
        assert (np.abs(found - scores[user]) <= 1e-5 * size).all()
        again = leave_one_out(model, history, items)
        np.testing.assert_allclose(scores[user][:, None] - effects, again, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(model.leave_one_out(history, items), again, rtol=1e-5, atol=1e-5)


def check_removal(bundle: Bundle) -> None:
    """The arithmetic of removal gives what the model says of the shorter history."""
    model = bundle.recommender
    history = bundle.history(3)
    removal = model.removal(history)
    assert removal is not None
    before = model.scores(history.matrix(model.n_items))[0]
    gone = np.array([0, len(history) // 2, len(history) - 1])
    after = model.scores(history.without(history.items[gone]).matrix(model.n_items))[0]
    np.testing.assert_allclose(removal.scores(before, gone), after, rtol=1e-6, atol=1e-7)


def check_saved(bundle: Bundle, folder: Path) -> Bundle:
    """The saved bundle scores the same, and is the same by its fingerprint."""
    bundle.save(folder / "model")
    back = Bundle.load(folder / "model")
    assert back.fingerprint == bundle.fingerprint
    assert dict(back.notes) == dict(bundle.notes)
    np.testing.assert_array_equal(
        back.recommender.scores(back.histories), bundle.recommender.scores(bundle.histories)
    )
    return back


def check_explained(bundle: Bundle, user: int = 5) -> None:
    """Texts come out, each verified; the evidence says honestly whether it is exact."""
    explainer = Explainer(bundle, backend="none", n=3)
    told = explainer.explain(bundle.dataset.users[user])
    assert len(told) == 3
    assert all(t.verified and t.text for t in told)
    evidence = EvidenceEngine(bundle).explain(
        bundle.dataset.users[user], n=3, counterfactuals=False
    )
    assert [e.exact for e in evidence] == [bundle.recommender.exact] * 3
    for e in evidence:
        total = sum(r.contribution for r in e.reasons) + e.baseline
        assert abs(total + e.residual - e.score) <= 1e-9 * max(1, abs(e.score))
