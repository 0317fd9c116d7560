"""Parts of a combination as text, JSON or objects: `ease:0.6,ials(factors=128):0.4`, or `best`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from whyrec.errors import ConfigError
from whyrec.recommend.base import Recommender
from whyrec.recommend.checks import check_number, make_params
from whyrec.recommend.registry import model as model_class

PRESETS = {
    "best": "ease(regularization=1000,item_power=0.25,user_power=0.3):0.28,"
    "ials(factors=256,regularization=100,alpha=8):0.26,"
    "bpr(factors=128,iterations=25,power=0.7):0.46",
}
"""Sums with a name. `best` ranks best of all on MovieLens-1M; its weights were found by `stacking`
within the training pairs."""

_WORD = re.compile(
    r"\s*(?P<model>[\w-]+)\s*(?:\((?P<params>[^()]*)\))?\s*(?::\s*(?P<weight>[^,()]+?))?\s*(?:,|$)"
)


@dataclass(frozen=True)
class Part:
    """One model of a combination: its name in the registry, its parameters, how much it counts."""

    model: str
    params: Mapping[str, Any]
    weight: float = 1.0

    def make(self) -> Recommender:
        """The recommender, not fitted."""
        kind = model_class(self.model)
        return kind(**make_params(kind, self.params))

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> Recommender:
        """The recommender, fitted."""
        return model_class(self.model).from_arrays(self.params, arrays)

    def to_json(self) -> dict[str, Any]:
        """The form that `parse` reads back."""
        return {"model": self.model, "params": dict(self.params), "weight": self.weight}


def parse(value: Any, *, where: str, least: int = 1) -> list[Part]:
    """Parts from what a person wrote: text, JSON, a mapping of weights, or a list of either.

    Raises
    ------
    ConfigError
        If it cannot be read, a model or a parameter does not exist, a weight is no number from 0,
        or there are fewer than `least`.

    Examples
    --------
    >>> [(p.model, dict(p.params), p.weight) for p in parse("ease:0.6, ials(factors=8)", where="x")]
    [('ease', {}, 0.6), ('ials', {'factors': '8'}, 1.0)]
    """
    if isinstance(value, str):
        value = PRESETS.get(value.strip(), value)
        value = _json(value, where) if value.lstrip()[:1] in ("[", "{") else _words(value, where)
    if isinstance(value, Part) or (isinstance(value, Mapping) and "model" in value):
        value = [value]
    elif isinstance(value, Mapping):
        value = [{"model": name, "weight": weight} for name, weight in value.items()]
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        raise _unreadable(value, where)
    parts = [p for one in value for p in _one(one, where)]
    if len(parts) < least:
        raise ConfigError(
            f"{len(parts)} part{'' if len(parts) == 1 else 's'} given",
            where=where,
            remedy=f"name at least {least}, for example ease:0.6,ials:0.4",
        )
    if not sum(p.weight for p in parts) > 0:
        raise ConfigError("every weight is 0", where=where, remedy="give one above 0")
    return parts


def _one(value: Any, where: str) -> list[Part]:
    if isinstance(value, Part):
        part = value
    elif isinstance(value, str):
        return _words(value, where)
    elif isinstance(value, Mapping) and isinstance(value.get("model"), str):
        unknown = set(value) - {"model", "params", "weight"}
        if unknown:
            raise ConfigError(
                f"no such field: {', '.join(sorted(map(str, unknown)))}",
                where=where,
                remedy="use model, params and weight",
            )
        params = value.get("params") or {}
        if not isinstance(params, Mapping):
            raise _unreadable(params, f"{where}, {value['model']}, params")
        part = Part(value["model"], dict(params), value.get("weight", 1.0))
    else:
        raise _unreadable(value, where)
    check_number(part.weight, where=f"{where}, {part.model}, weight", low=0)
    model_class(part.model)
    return [Part(part.model, part.params, float(part.weight))]


def _words(text: str, where: str) -> list[Part]:
    out, at = [], 0
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            raise _unreadable(text[at:], where)
        at = found.end()
        weight = 1.0
        if found["weight"] is not None:
            try:
                weight = float(found["weight"])
            except ValueError:
                raise ConfigError(
                    f"“{found['weight']}” is not a weight",
                    where=f"{where}, {found['model']}",
                    remedy="write model:number, for example ease:0.6",
                ) from None
        params = {}
        for pair in filter(str.strip, (found["params"] or "").split(",")):
            key, sign, given = (p.strip() for p in pair.partition("="))
            if not sign or not key or not given:
                raise ConfigError(
                    f"“{pair.strip()}” is not KEY=VALUE",
                    where=f"{where}, {found['model']}",
                    remedy="write model(key=value):weight",
                )
            params[key] = given
        out += _one({"model": found["model"], "params": params, "weight": weight}, where)
    return out


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(
            f"not JSON ({error})", where=where, remedy="write ease:0.6,ials:0.4 or a JSON list"
        ) from None


def _unreadable(value: Any, where: str) -> ConfigError:
    shown = value if isinstance(value, str) else repr(value)
    return ConfigError(
        f"“{shown[:60]}” is not a list of models",
        where=where,
        remedy="write for example ease:0.6,ials(factors=128):0.4",
    )


def weights(parts: Sequence[Part]) -> npt.NDArray[np.float64]:
    """The weights as shares that sum to 1: float64 [parts]."""
    given = np.array([p.weight for p in parts], np.float64)
    return np.asarray(given / given.sum())
