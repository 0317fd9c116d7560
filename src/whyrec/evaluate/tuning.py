"""The search for a model's best parameters, inside the training part: pruned, seeded, resumable."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whyrec.errors import ConfigError, DataError, ModelError, WhyrecError
from whyrec.evaluate.evaluation import check_asked, evaluate
from whyrec.evaluate.measures import Asked
from whyrec.evaluate.spaces import Space, space
from whyrec.evaluate.splits import Split

WARM_UP = 5
"""Trials that are never pruned, so that there is something to compare with."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe that was tried.

    Attributes
    ----------
    state
        `complete`, `pruned` (stopped after some of the folds) or `failed`.
    value
        The mean over the folds asked; None if it failed.
    problem
        Why it failed.
    """

    number: int
    state: str
    params: Mapping[str, Any]
    value: float | None
    seconds: float
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "trial": self.number,
            "state": self.state,
            "params": dict(self.params),
            "value": self.value,
            "seconds": round(self.seconds, 3),
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Tuned:
    """The best recipe found.

    Attributes
    ----------
    params
        Constructor parameters: what was given and what was found.
    value
        Of the metric, the mean over the validation splits.
    start
        The same of the recipe that the search began with, None if that failed.
    trials
        Every trial, those of earlier runs included.
    stopped
        Whether Ctrl-C ended the search.
    """

    model: str
    metric: str
    params: Mapping[str, Any]
    value: float
    start: float | None
    trials: tuple[Trial, ...]
    stopped: bool = False

    def count(self, state: str) -> int:
        """How many trials ended so."""
        return sum(t.state == state for t in self.trials)


def tune(
    splits: Sequence[Split],
    model: str,
    asked: Asked,
    *,
    fixed: Mapping[str, Any] | None = None,
    trials: int = 30,
    timeout: float | None = None,
    storage: str | Path | None = None,
    people: int | None = None,
    seed: int = 0,
    tell: Callable[[Trial], None] | None = None,
) -> Tuned:
    """Search with the tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011) of Optuna.

    Every trial is measured split by split; one that is below the median of the others after the
    same split is stopped there. The first trial is the model with its defaults.

    Parameters
    ----------
    splits
        Validation splits, made inside the training part.
    fixed
        Parameters that are not searched.
    trials
        How many in all, those found in the storage included.
    timeout
        Seconds after which no further trial begins.
    storage
        An SQLite file that keeps every trial: the same call goes on where it was stopped, and
        several processes may share it.
    tell
        Called with every trial as it ends.

    Raises
    ------
    ConfigError
        If the model has nothing to search, or neither way of the metric is better.
    DataError
        If the storage cannot be used.
    ModelError
        If every trial failed.
    """
    optuna = _optuna()
    fixed = dict(fixed or {})
    where = space(model).without(fixed)
    if not where.dimensions:
        raise ConfigError(
            "there is nothing to search", where=model, remedy="fix less with --set, or fit it as is"
        )
    if asked.measure.higher is None:
        raise ConfigError(
            f"neither more nor less {asked} is better", where="metric", remedy="use ndcg@10"
        )
    check_asked(model, fixed, [asked], splits[0].train.n_items)
    name = _study_name(splits, model, asked, fixed, where, people)
    study = _study(optuna, name, storage, asked.measure.higher, seed)
    if not study.trials:
        study.enqueue_trial(where.beginning(model), skip_if_exists=True)
    known = {
        _key(t.user_attrs["recipe"]): t.value for t in study.trials if t.state.name == "COMPLETE"
    }

    def objective(trial: Any) -> float:
        params = where.suggest(trial)
        trial.set_user_attr("recipe", params)
        if _key(params) in known:
            return float(known[_key(params)])
        values: list[float] = []
        for step, part in enumerate(splits):
            try:
                found = evaluate(
                    part, model, {**fixed, **params}, asked=[asked], people=people, seed=seed
                )
            except WhyrecError as error:
                trial.set_user_attr("problem", str(error))
                raise
            values.append(found.value(str(asked)))
            trial.report(float(np.mean(values)), step)
            if step + 1 < len(splits) and trial.should_prune():
                raise optuna.TrialPruned
        mean = float(np.mean(values))
        known[_key(params)] = mean
        return mean

    def each(_: Any, trial: Any) -> None:
        if tell is not None:
            tell(_trial(trial))

    done = sum(t.state.is_finished() for t in study.trials)
    stopped = False
    try:
        if done < trials:
            study.optimize(
                objective,
                n_trials=trials - done,
                timeout=timeout,
                catch=(WhyrecError,),
                callbacks=[each],
            )
    except (KeyboardInterrupt, SystemExit):
        stopped = True
    ended = tuple(_trial(t) for t in study.trials if t.state.is_finished())
    complete = [t for t in ended if t.state == "complete"]
    if not complete:
        if stopped:
            raise KeyboardInterrupt
        raise ModelError(
            f"every trial failed: {ended[-1].problem}" if ended else "no trial was finished",
            where=f"tune {model}",
            remedy="check the data, or fix parameters with --set",
        )
    sign = 1 if asked.measure.higher else -1
    best = max(complete, key=lambda t: (sign * (t.value or 0.0), -t.number))
    first = next((t.value for t in complete if t.number == 0), None)
    return Tuned(
        model, str(asked), {**fixed, **best.params}, float(best.value or 0.0), first, ended, stopped
    )


def validation(
    train: Split, method: str, *, share: float, folds: int, last: int, seed: int
) -> list[Split]:
    """Validation splits inside the training part of a split, made the same way.

    `folds` of them, each holding out `share` drawn with a seed of its own; windows of the split by
    time; one of leave-last, which has no more.
    """
    from whyrec.evaluate.splits import split

    if method == "leave-last":
        return split(train.train, method, last=last)
    if method == "time":
        return split(train.train, method, share=share, folds=folds)
    return [split(train.train, method, share=share, seed=seed + 1 + k)[0] for k in range(folds)]


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise ConfigError(
            "the package optuna is not installed",
            where="tune",
            remedy="pip install 'whyrec[tune]'",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    return optuna


def _study(optuna: Any, name: str, storage: str | Path | None, higher: bool, seed: int) -> Any:
    options = {
        "study_name": name,
        "direction": "maximize" if higher else "minimize",
        "load_if_exists": True,
        "pruner": optuna.pruners.MedianPruner(n_startup_trials=WARM_UP, n_warmup_steps=0),
    }
    kept = None
    if storage is not None:
        path = Path(storage)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kept = optuna.storages.RDBStorage(
                    f"sqlite:///{path.resolve()}", engine_kwargs={"connect_args": {"timeout": 60}}
                )
        except Exception as error:  # SQLAlchemy's errors are a tree of their own
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise DataError(
                f"cannot be used as a storage: {reason}",
                where=str(path),
                remedy="name a new file, or one that `whyrec tune` wrote",
            ) from None
    study = optuna.create_study(storage=kept, **options)
    # A search that goes on must not draw the same beginning again.
    study.sampler = optuna.samplers.TPESampler(
        seed=seed + len(study.trials), n_startup_trials=WARM_UP * 2
    )
    return study


def _study_name(
    splits: Sequence[Split],
    model: str,
    asked: Asked,
    fixed: Mapping[str, Any],
    where: Space,
    people: int | None,
) -> str:
    """A name that only the same search has: another one in the same file is kept apart."""
    digest = hashlib.sha256()
    for part in splits:
        digest.update(f"{part.name} {part.train.fingerprint} {part.test.height}".encode())
    about = [str(asked), fixed, {n: repr(d) for n, d in where.dimensions.items()}, people]
    digest.update(json.dumps(about, sort_keys=True, default=str).encode())
    return f"{model}-{digest.hexdigest()[:16]}"


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True, default=str)


def _trial(trial: Any) -> Trial:
    state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed")
    last = trial.intermediate_values
    value = trial.value if state == "complete" else last[max(last)] if last else None
    return Trial(
        number=trial.number,
        state=state,
        params=trial.user_attrs.get("recipe", {}),
        value=value,
        seconds=trial.duration.total_seconds() if trial.duration else 0.0,
        problem=trial.user_attrs.get("problem"),
    )
