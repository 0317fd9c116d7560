"""Recommenders: one file a model, all behind `Recommender`; models hold items, users are histories."""
