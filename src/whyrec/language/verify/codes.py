"""The fixed words under which a sentence is refused, with what each means."""

from __future__ import annotations

CODES: dict[str, str] = {
    "empty": "there is no text",
    "too-long": "longer than an explanation can be",
    "malformed": "stray or unbalanced signs, doubled or wrong punctuation, hidden characters",
    "markup": "HTML, Markdown, code, emoji, or a slot that was not filled",
    "link": "a link, e-mail address, handle or telephone number",
    "wrong-language": "not in the language asked for, or mixed",
    "unknown-word": "a word that no claim can be made with",
    "unknown-item": "a name in quotation marks that the catalogue does not hold",
    "wrong-item": "a name of the catalogue that this person has not had to do with",
    "wrong-event": "the person did something else with the item, or nothing",
    "wrong-role": "the recommended item and the history have changed places",
    "wrong-feature": "the item or a named item does not carry the feature",
    "wrong-number": "a number that the data do not give",
    "negated": "it says that something is not so",
    "wrong-direction": "what spoke against the item is told as speaking for it, or the reverse",
    "wrong-cause": "because, so or why joins what did not cause it",
    "unsupported": "it fits no claim that is true for this pair",
    "no-claim": "a sentence that says nothing checkable",
    "overclaim": "a reason told as stronger, or weaker, than its share",
    "quantifier": "all, everyone, always, never, most",
    "superlative": "best, perfect, amazing: praise that nobody measured",
    "promise": "what the item will do for the person, or what they will feel",
    "pressure": "hurry, stock, discount, an order to buy",
    "sensitive": "a guess about who somebody is",
    "instruction": "words addressed to a machine",
    "self-talk": "about us: our AI, the algorithm, similar users",
    "banned": "a word that the domain bans: what an item would do for health or money",
    "flattery": "praise of the reader",
    "style": "true, but not how this project writes (sketches only)",
    "slots": "a slot is missing, unknown or told too often (sketches only)",
    "missing-claim": "a claim of the shape is not told (sketches only)",
    "extra-claim": "a claim that the shape does not hold (sketches only)",
}
"""Every code that a `Problem` can carry."""
