"""The one tree of errors: each says where, what was wrong and what to do, in one line."""

from __future__ import annotations


class WhyrecError(Exception):
    """Base of every error that whyrec raises on purpose.

    Parameters
    ----------
    problem
        What was wrong, without a full stop.
    where
        The file, row, field, option or value it was found in.
    remedy
        What the person can do about it.

    Examples
    --------
    >>> str(DataError("no column holds item ids", where="a.csv", remedy="pass --map item_id=COLUMN"))
    'a.csv: no column holds item ids; pass --map item_id=COLUMN'
    """

    def __init__(
        self, problem: str, *, where: str | None = None, remedy: str | None = None
    ) -> None:
        self.problem = problem
        self.where = where
        self.remedy = remedy
        text = f"{where}: {problem}" if where else problem
        super().__init__(" ".join((f"{text}; {remedy}" if remedy else text).split()))


class DataError(WhyrecError):
    """Events, items or tables that cannot be read or used."""


class ConfigError(WhyrecError):
    """An option, parameter or setting that is not one of those allowed."""


class ModelError(WhyrecError):
    """A model that cannot be fitted, saved, loaded or asked."""


class UnknownUserError(ModelError):
    """A user id that the data set does not hold."""


class UnknownItemError(ModelError):
    """An item id that the catalogue does not hold."""


class LanguageError(WhyrecError):
    """A language model, locale, domain pack or sketch book that cannot be used."""
