"""Fitted models of other libraries, files, functions and servers as whyrec recommenders.

    from whyrec.recommend.adapters import from_implicit
    bundle = from_implicit(model, dataset)
    Explainer(bundle)

Each `from_…` gives a `Bundle`. None of them imports a library that is not loaded already.
"""

from whyrec.recommend.adapters.implicit import from_implicit

__all__ = ["from_implicit"]
