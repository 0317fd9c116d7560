"""What a language model answered, read into texts: lenient with the packing, strict with the rest."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

MAX_TEXT = 1_200
"""Characters; a longer text is no explanation and is dropped."""

_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
_MARK = re.compile(r"^\s*(?:[-*•]\s+|\(?\d{1,2}[.)、:：]\s*)")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_QUOTES = {'"': '"', "“": "”", "'": "'"}
_KEYS = ("texts", "text", "templates", "sentences", "explanation", "explanations")


def without_reasoning(content: str) -> str:
    """The answer less `<think>` blocks; a block that never ends leaves nothing behind it.

    Examples
    --------
    >>> without_reasoning("<think>the user wants…</think>[1]")
    '[1]'
    >>> without_reasoning("so I say…</think>[1] ")
    '[1]'
    >>> without_reasoning("<think>hm")
    ''
    """
    content = re.sub(r"<think(?:ing)?>.*?</think(?:ing)?>", "", content, flags=re.DOTALL)
    # Templates that open the block themselves leave only its end in the answer.
    content = re.split(r"</think(?:ing)?>", content)[-1]
    return re.split(r"<think(?:ing)?>", content)[0].strip()


def read_texts(content: str, *, cut: bool = False) -> tuple[list[str], str | None]:
    """Texts of an answer that was asked for a JSON list, or why there are none.

    Parameters
    ----------
    content
        What the model wrote: JSON, JSON in a code fence or after a preamble, or plain lines.
    cut
        Whether the server says that the answer hit the length limit.

    Returns
    -------
    texts, code
        `code` is None with texts, else `empty`, `truncated` or `bad-json`. Of a list that breaks
        off, the strings that were finished are kept.

    Examples
    --------
    >>> read_texts('```json\\n{"texts": ["You bought {history}."]}\\n```')
    (['You bought {history}.'], None)
    >>> read_texts('{"texts": ["You bought {history}.", "You bou')
    (['You bought {history}.'], None)
    >>> read_texts('{"texts": [')
    ([], 'truncated')
    >>> read_texts("1. You bought {history}.\\n2. {history} led here.")
    (['You bought {history}.', '{history} led here.'], None)
    """
    content = _unfenced(without_reasoning(content))
    if not content:
        return [], "truncated" if cut else "empty"
    value, broken = _json(content)
    if value is not None:
        texts = _strings(value)
        return (texts, None) if texts else ([], "bad-json" if _holds(value) else "empty")
    if broken:
        texts = _finished(content)
        return (texts, None) if texts else ([], broken)
    lines = content.splitlines()[:-1] if cut else content.splitlines()
    texts = [t for line in lines if (t := _clean(_unquoted(_MARK.sub("", line))))]
    return (texts, None) if texts else ([], "truncated" if cut else "empty")


def read_text(content: str, *, cut: bool = False) -> tuple[str | None, str | None]:
    """The one text of an answer, or why there is none: `empty`, `truncated` or `bad-json`.

    Examples
    --------
    >>> read_text('{"text": "You bought the mugs."}')
    ('You bought the mugs.', None)
    >>> read_text('{"text": "You bought th')
    (None, 'truncated')
    >>> read_text("You bought the mugs.")
    ('You bought the mugs.', None)
    """
    content = _unfenced(without_reasoning(content))
    if not content:
        return None, "truncated" if cut else "empty"
    value, broken = _json(content)
    if value is not None:
        texts = _strings(value)
        if texts:
            return texts[0] if len(texts) == 1 else " ".join(texts), None
        return None, "bad-json" if _holds(value) else "empty"
    if broken:
        return None, broken
    if cut:
        return None, "truncated"
    text = _clean(_unquoted(content))
    return (text, None) if text else (None, "empty")


def _unfenced(content: str) -> str:
    match = _FENCE.search(content)
    return match[1].strip() if match and match[1].strip() else content


def _json(content: str) -> tuple[Any, str | None]:
    """The first JSON value of the content, else whether something that began as JSON is broken."""
    # A sketch in plain text may begin with a slot, which is not the beginning of JSON.
    starts = [m.start() for m in re.finditer(r'\{\s*(?=["}])|\[\s*(?=["{\]])', content)]
    for start in starts[:8]:
        try:
            value, _ = json.JSONDecoder(strict=False).raw_decode(content, start)
        except (ValueError, RecursionError):
            continue
        return value, None
    meant = content[starts[0] :] if starts else content
    looks = bool(starts) or bool(re.match(r"\[|\{(?!\w+\})", content))
    try:
        # A whole answer may be one quoted string; a title in quotation marks is none.
        return (json.loads(meant, strict=False) if looks or meant[0] == '"' else None), None
    except RecursionError:
        return None, "bad-json"
    except json.JSONDecodeError as error:
        if not looks:
            return None, None
        cut = "Unterminated" in error.msg or error.pos >= len(meant.rstrip())
        return None, "truncated" if cut else "bad-json"


def _strings(value: Any) -> list[str]:
    """Texts at the places where a model puts them: the value, a list, or a list under a known key."""
    if isinstance(value, str):
        text = _clean(value)
        return [text] if text else []
    if isinstance(value, list):
        flat = [v.get("text") if isinstance(v, dict) else v for v in value]
        return [t for v in flat if isinstance(v, str) and (t := _clean(v))]
    if isinstance(value, dict):
        for key in _KEYS:
            if key in value and not isinstance(value[key], dict):
                return _strings(value[key])
    return []


def _holds(value: Any) -> bool:
    """Whether a value in which no text was found holds anything all the same."""
    if isinstance(value, dict):
        return any(map(_holds, value.values()))
    if isinstance(value, list):
        return any(map(_holds, value))
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _finished(content: str) -> list[str]:
    """Strings of a broken list whose closing quote was still written."""
    opening = content.find("[")
    if opening < 0:
        return []
    found = []
    for match in _STRING.finditer(content, opening):
        try:
            text = _clean(json.loads(match[0], strict=False))
        except ValueError:
            continue
        if text and not content[match.end() :].lstrip().startswith(":"):
            found.append(text)
    return found


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        inner = text[1:-1]
        if text[0] not in inner and text[-1] not in inner:
            return inner
    return text


def _clean(text: str) -> str:
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    # A lone surrogate from "\ud83d" cannot be written as UTF-8 anywhere.
    if len(text) > MAX_TEXT or any("\ud800" <= c <= "\udfff" for c in text):
        return ""
    return text
