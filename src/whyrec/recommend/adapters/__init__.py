"""Fitted models of other libraries, files, functions and servers as whyrec recommenders.

Each `from_…` gives a `Bundle`, with which everything else works:

    from whyrec.recommend.adapters import from_implicit
    bundle = from_implicit(model, dataset)
    bundle.save("model")

`adapt` recognises the library. Nothing here imports a library that the model did not bring.
"""

from whyrec.recommend.adapters.cornac import from_cornac
from whyrec.recommend.adapters.functions import from_callable
from whyrec.recommend.adapters.http import from_http
from whyrec.recommend.adapters.implicit import from_implicit
from whyrec.recommend.adapters.lenskit import from_lenskit
from whyrec.recommend.adapters.lightfm import from_lightfm
from whyrec.recommend.adapters.lists import from_lists
from whyrec.recommend.adapters.onnx import from_onnx
from whyrec.recommend.adapters.recbole import from_recbole
from whyrec.recommend.adapters.recognise import adapt
from whyrec.recommend.adapters.surprise import from_surprise
from whyrec.recommend.adapters.tables import from_factors

__all__ = [
    "adapt",
    "from_callable",
    "from_cornac",
    "from_factors",
    "from_http",
    "from_implicit",
    "from_lenskit",
    "from_lightfm",
    "from_lists",
    "from_onnx",
    "from_recbole",
    "from_surprise",
]
