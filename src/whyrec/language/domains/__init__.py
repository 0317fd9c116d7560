"""Domain packs: the nouns, verbs and quoting rules of a field of goods, one TOML file a domain.

A file holds a whole domain, or what differs from another (`base = "generic"`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from whyrec.errors import LanguageError


@dataclass(frozen=True, slots=True)
class EventWords:
    """How one event is said. `{x}` stands for what the event was done with.

    Attributes
    ----------
    past
        What "you" did: `rated {x} highly`.
    they
        What other people did, after "people who": `put {x} in their cart`.
    also
        The same said of the item by the way: `also rated it highly`.
    have
        After a number of people: `have rated it highly`.
    relative
        Beside a noun: `you rated highly`, `您打过高分的`.
    verbs
        Words that assert this event.
    with_
        If not empty, one of these words goes with the verb (rated ... highly).
    """

    past: tuple[str, ...]
    they: tuple[str, ...]
    also: tuple[str, ...]
    have: str
    relative: str
    verbs: tuple[str, ...]
    with_: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldWords:
    """How a facet field is said: its name, and frames with `{item}` and `{feature}`.

    `group` names several items of one kind, with `{count}` and `{group}` (`{count} {group} films`).
    `also` stands alone or after one or several carriers, `same_one` after one, `same_many` after
    several. `quoted` values get quotation marks when they are filled in.
    """

    name: str
    group: str
    quoted: bool
    also: tuple[str, ...]
    same_one: tuple[str, ...]
    same_many: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Readings:
    """What else may be said of the domain in a text that is checked.

    Attributes
    ----------
    singular, plural
        Nouns for an item and for items.
    measures
        Measure words (量词), where the language has them.
    beside
        Words that mean the same here as one of the verifier's grammar: `viewed` may be `read`.
    looking
        Whether to have looked at something means to have viewed it, as in a shop; else it says no
        more than a click.
    """

    singular: tuple[str, ...]
    plural: tuple[str, ...]
    measures: tuple[str, ...]
    beside: Mapping[str, tuple[str, ...]]
    looking: bool


@dataclass(frozen=True, slots=True)
class DomainWords:
    """The words of a domain in one language.

    `works` says whether titles are titles of works and quoted as such; `measure` is the measure
    word (量词) where the language has them, else empty; `crowd` is what people are called, with
    the measure word in Chinese (`位顾客`), `crowd_noun` is without; after a label that ends in
    one of `tails` none of them is said (`黑色电影`, never `黑色电影片`). `caution` stands beside
    every explanation where the domain requires one; `banned` are words that no text may hold.
    """

    noun: str
    nouns: str
    measure: str
    works: bool
    crowd: str
    crowd_one: str
    crowd_noun: str
    tails: tuple[str, ...]
    events: Mapping[str, EventWords]
    fields: Mapping[str, FieldWords]
    readings: Readings
    caution: str = ""
    banned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainPack:
    """A domain in every language that its file holds.

    `like` names the domain as which a language model is asked that was not taught this one.
    """

    name: str
    languages: Mapping[str, DomainWords]
    like: str

    def words(self, lang: str) -> DomainWords:
        """The domain's words in `lang`.

        Raises
        ------
        LanguageError
            If the pack has no such language.
        """
        try:
            return self.languages[lang]
        except KeyError:
            raise LanguageError(
                f"no words for language {lang}",
                where=f"domain {self.name}",
                remedy=f"use one of {', '.join(self.languages)}",
            ) from None


def domains() -> tuple[str, ...]:
    """Names of the domains that have a pack."""
    return tuple(sorted(p.name[:-5] for p in files(__name__).iterdir() if p.name.endswith(".toml")))


@cache
def load(domain: str) -> DomainPack:
    """The pack of that name.

    Examples
    --------
    >>> load("film").words("zh").measure
    '部'

    Raises
    ------
    LanguageError
        If there is no such pack, or it lacks a word that another needs.
    """
    if domain not in domains():
        raise LanguageError(
            "no such domain", where=domain, remedy=f"use one of {', '.join(domains())}"
        )
    table = _table(domain)
    like = table.pop("like", domain)
    try:
        languages = {lang: _words(t) for lang, t in table.items()}
    except KeyError as e:
        raise LanguageError(
            f"no {e.args[0]}", where=f"{domain}.toml", remedy="see film.toml"
        ) from e
    return DomainPack(domain, MappingProxyType(languages), like)


def _table(domain: str) -> dict[str, Any]:
    """The file's content laid over that of its base."""
    table = tomllib.loads((files(__name__) / f"{domain}.toml").read_text("utf-8"))
    base = table.pop("base", None)
    return table if base is None else _over(_table(base), table)


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = _over(out[key], value) if both else value
    return out


def _words(t: Mapping[str, Any]) -> DomainWords:
    return DomainWords(
        noun=t["noun"],
        nouns=t["nouns"],
        measure=t.get("measure", ""),
        works=t["works"],
        crowd=t["crowd"],
        crowd_one=t["crowd_one"],
        crowd_noun=t["crowd_noun"],
        tails=tuple(t.get("tails", ())),
        events=MappingProxyType(
            {
                name: EventWords(
                    tuple(e["past"]),
                    tuple(e["they"]),
                    tuple(e["also"]),
                    e["have"],
                    e["relative"],
                    tuple(e["verbs"]),
                    tuple(e.get("with", ())),
                )
                for name, e in t["events"].items()
            }
        ),
        fields=MappingProxyType(
            {
                name: FieldWords(
                    f["name"],
                    f["group"],
                    f.get("quoted", False),
                    tuple(f["also"]),
                    tuple(f["same_one"]),
                    tuple(f["same_many"]),
                )
                for name, f in t["fields"].items()
            }
        ),
        readings=_readings(t["readings"]),
        caution=t.get("caution", ""),
        banned=tuple(t.get("banned", ())),
    )


def _readings(t: Mapping[str, Any]) -> Readings:
    return Readings(
        tuple(t["singular"]),
        tuple(t["plural"]),
        tuple(t.get("measures", ())),
        MappingProxyType({word: tuple(more) for word, more in t.get("beside", {}).items()}),
        t.get("looking", False),
    )
