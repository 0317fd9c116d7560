"""Pure functions that keep people unrecognisable: pseudonyms, k-anonymity."""

from whyrec.privacy.kanon import K_ANON, k_anonymous
from whyrec.privacy.pseudonyms import pseudonym

__all__ = ["K_ANON", "k_anonymous", "pseudonym"]
