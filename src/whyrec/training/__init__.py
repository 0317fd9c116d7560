"""Corpora and training of the embedded language model, its export and its measurement."""

from whyrec.training.evaluation import LMReport, evaluate_lm
from whyrec.training.export import export
from whyrec.training.loop import train
from whyrec.training.settings import Progress, TrainConfig, Training

__all__ = ["LMReport", "Progress", "TrainConfig", "Training", "evaluate_lm", "export", "train"]
