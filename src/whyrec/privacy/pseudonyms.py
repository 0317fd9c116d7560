"""Pseudonyms: a name for a person in logs that only the key's holder can tie to the person."""

from __future__ import annotations

import hashlib

from whyrec.errors import ConfigError

MIN_KEY_BYTES = 16


def pseudonym(id: str, key: bytes, *, length: int = 16) -> str:
    """A stable pseudonym of `id`: keyed BLAKE2b (RFC 7693), as lower-case hex.

    Without the key it can neither be undone nor recomputed from a guessed id; with another key it
    is another pseudonym, so that destroying the key cuts all ties.

    Parameters
    ----------
    id
        The user id.
    key
        The secret, 16 to 64 bytes.
    length
        Hex digits of the result, an even number from 8 to 128.

    Raises
    ------
    ConfigError
        If the key is too short or too long, or the length is not one of those allowed.

    Examples
    --------
    >>> a = pseudonym("u42", b"a key of 16 byte")
    >>> a == pseudonym("u42", b"a key of 16 byte"), len(a), "u42" in a
    (True, 16, False)
    """
    if not MIN_KEY_BYTES <= len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        raise ConfigError(
            f"a key of {len(key)} bytes cannot keep pseudonyms safe",
            where="pseudonym key",
            remedy="use 16 to 64 random bytes, for example from secrets.token_bytes(32)",
        )
    if length % 2 or not 8 <= length <= 128:
        raise ConfigError(
            f"no pseudonym of {length} hex digits",
            where="pseudonym length",
            remedy="use an even number from 8 to 128",
        )
    data = id.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, key=key, digest_size=length // 2, person=b"whyrec").hexdigest()
