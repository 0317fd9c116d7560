"""What items are like: facets they share, and how those are called in each language."""

from whyrec.features.facets import Facet, Facets

__all__ = ["Facet", "Facets"]
