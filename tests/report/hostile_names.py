"""A data set with hostile names, and explanations about it, built from the real types."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from whyrec.data.catalogue import Catalogue
from whyrec.data.dataset import Dataset
from whyrec.evidence.types import Counterfactual, Evidence, Reason
from whyrec.language.claims import Claim
from whyrec.language.types import Explanation

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "attribute": "' onmouseover='alert(1)",
    "entity": "Tom &amp; Jerry &lt;b&gt;",
    "template": "{{ 7*7 }}{% for x in y %}",
    "rtl": "abc \u202egnp.exe\u202c \u2066x\u2069 \u200fשלום",
    "long": "W" * 10_000,
    "emoji": "👩‍👩‍👧‍👦🫠 teapot",
    "control": "a\x00b\x07c\x1b[31md",
    "lines": "one\n\n\ntwo\tthree",
    "style": "</style><style>*{display:none}</style>",
    "comment": "--><!-- x",
}


def hostile_dataset() -> Dataset:
    """One person with an event on most of the hostile items."""
    names = list(HOSTILE)
    table = pl.DataFrame(
        {
            "id": names,
            "title": list(HOSTILE.values()),
            "title_zh": [None if k % 2 else f"中文{v}" for k, v in enumerate(HOSTILE.values())],
            "category": ["<i>Cat</i>"] * 6 + ["Tea & Coffee"] * 6,
            "image": ["images/ok.svg", "../secret.svg", "http://example.org/x.png", "/etc/passwd"]
            + ["images/evil.svg", "images/none.svg", "images/big.png", "images/page.html"]
            + [None] * 4,
        }
    )
    n = len(names)
    events = pl.DataFrame(
        {
            "user": [0] * n,
            "item": list(range(n)),
            "event": ["purchase", "view", "rating", "return", "cart", "like"] * 2,
            "value": [3.0, None, 4.0, None, None, None] * 2,
            "time": [datetime(2025, 3, k + 1) for k in range(n)],
        },
        schema={
            "user": pl.UInt32,
            "item": pl.UInt32,
            "event": pl.String,
            "value": pl.Float64,
            "time": pl.Datetime("ms"),
        },
    )
    return Dataset(events, Catalogue(table), ("<u>&me",), domain="shop", best_rating=5.0)


def explanation(
    dataset: Dataset, lang: str, *, item: str = "style", **changes: object
) -> Explanation:
    titles = dict(zip(dataset.catalogue.ids, dataset.catalogue.titles(lang), strict=True))
    reasons = tuple(
        Reason("history", c, i, titles[i], "purchase", None)
        for i, c in zip(
            ("script", "image", "rtl", "long", "emoji", "control", "entity"),
            (0.5, 0.25, 0.125, 0.0625, 0.03, 0.02, -0.2),
            strict=True,
        )
    )
    evidence = Evidence(
        user="<u>&me",
        item=item,
        score=sum(r.contribution for r in reasons),
        rank=2,
        baseline=0.0,
        exact=True,
        residual=0.0,
        reasons=reasons,
        gone=Counterfactual("gone", ("script", "long"), 14, True),
    )
    said = (
        f"You bought {titles['script']} and {titles['long']}."
        if lang == "en"
        else f"您买过{titles['script']}。"
    )
    also = f"It is {titles['rtl']}." if lang == "en" else "少了它就不在前十。"
    gap = " " if lang == "en" else ""
    fields: dict[str, object] = {
        "evidence": evidence,
        "title": titles[item],
        "lang": lang,
        "text": said + gap + also,
        "sentences": ((said, (0,)), (also, (1,))),
        "claims": (
            Claim("history", ("script", "long"), event="purchase", share=0.75),
            Claim("without", ("script", "long")),
        ),
        "source": "sketch",
        "llm": "openai:<model>",
        "model": "ease-1a2b3c4d5e6f",
        "verified": True,
    }
    return Explanation(**{**fields, **changes})  # type: ignore[arg-type]
