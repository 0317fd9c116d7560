"""Cleaning: declarative steps over events and items, with a report of all that they did."""

from __future__ import annotations

from whyrec.data.cleaning.cleaner import STEPS, Cleaner
from whyrec.data.cleaning.duplicates import Duplicates
from whyrec.data.cleaning.invoices import Cancellations, NotGoods
from whyrec.data.cleaning.missing import Missing, UnknownItems
from whyrec.data.cleaning.outliers import Outliers
from whyrec.data.cleaning.ranges import Range, UnsetClock
from whyrec.data.cleaning.report import CleaningReport, StepReport
from whyrec.data.cleaning.scaling import Scale
from whyrec.data.cleaning.step import Change, Step
from whyrec.data.cleaning.text import NormaliseText, Parse

__all__ = [
    "STEPS",
    "Cancellations",
    "Change",
    "Cleaner",
    "CleaningReport",
    "Duplicates",
    "Missing",
    "NormaliseText",
    "NotGoods",
    "Outliers",
    "Parse",
    "Range",
    "Scale",
    "Step",
    "StepReport",
    "UnknownItems",
    "UnsetClock",
]
