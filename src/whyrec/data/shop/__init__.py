"""A simulated shop: bilingual goods, a year of behaviour, known preferences, measured dirt."""

from whyrec.data.shop.generate import ShopSummary, generate, read_truth

__all__ = ["ShopSummary", "generate", "read_truth"]
