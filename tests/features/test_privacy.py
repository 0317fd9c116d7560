"""Pseudonyms are stable, keyed and one-way in form; crowds are told only when large enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyrec.errors import ConfigError
from whyrec.privacy import K_ANON, k_anonymous, pseudonym

KEY = bytes(range(32))
IDS = st.text(max_size=40)


@given(IDS)
def test_a_pseudonym_is_stable_and_of_the_asked_length(id: str) -> None:
    assert pseudonym(id, KEY) == pseudonym(id, KEY)
    assert len(pseudonym(id, KEY, length=32)) == 32
    assert set(pseudonym(id, KEY)) <= set("0123456789abcdef")


@given(IDS, IDS)
def test_different_people_have_different_pseudonyms(a: str, b: str) -> None:
    assert (a == b) == (pseudonym(a, KEY, length=64) == pseudonym(b, KEY, length=64))


@given(IDS)
def test_another_key_gives_another_pseudonym(id: str) -> None:
    assert pseudonym(id, KEY) != pseudonym(id, bytes(32))


@pytest.mark.parametrize("key", [b"", b"short", bytes(15), bytes(65)])
def test_a_weak_key_is_refused(key: bytes) -> None:
    with pytest.raises(ConfigError, match="16 to 64 random bytes"):
        pseudonym("u", key)


@pytest.mark.parametrize("length", [0, 7, 9, 130])
def test_a_useless_length_is_refused(length: int) -> None:
    with pytest.raises(ConfigError, match="even number"):
        pseudonym("u", KEY, length=length)


def test_crowds_below_k_are_not_told() -> None:
    assert not k_anonymous(K_ANON - 1)
    assert k_anonymous(K_ANON)
    assert not k_anonymous(0, k=0)
