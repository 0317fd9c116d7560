"""The verifier: which true claim supports each sentence of a text, or what is wrong with it.

    verify(text, world, lang) -> Verdict
    verify_sketch(text, shape) -> (Sketch | None, problems)

How it reads: names are found first (`index`, `mentions`), the rest becomes tokens (`tokens`), each sentence
must be a chain of clauses that are whole matches of frames (`grammar_*.txt`, `parse`), each clause
becomes claims (`meaning`), and `holds` (language.claims) decides whether they are true. What fits no
frame is refused and explained (`diagnose`). `CODES` lists every code.
"""

from __future__ import annotations

from whyrec.language.verify.codes import CODES
from whyrec.language.verify.sketch import verify_sketch
from whyrec.language.verify.text import verify

__all__ = ["CODES", "verify", "verify_sketch"]
