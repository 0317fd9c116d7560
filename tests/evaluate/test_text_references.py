"""Measures of texts against references, of readability and of agreement, by cases worked by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from whyrec.errors import ConfigError, LanguageError
from whyrec.evaluate.agreement import alpha, preference
from whyrec.evaluate.readability import chinese_ease, flesch
from whyrec.evaluate.references import bert_score, feature_scores, reference_scores, self_bleu


def test_rouge_counts_the_longest_common_subsequence() -> None:
    # LCS of "a b c d" and "a c d e f" is "a c d": precision 3/4, recall 3/5, F1 2/3.
    scores = reference_scores(["a b c d"], ["a c d e f"])
    assert scores.rouge_l == pytest.approx(100 * 2 / 3)
    # Unigrams: the same three words; bigrams: "c d" of three and four.
    assert scores.rouge1 == pytest.approx(100 * 2 / 3)
    assert scores.rouge2 == pytest.approx(100 * 2 * (1 / 3) * (1 / 4) / (1 / 3 + 1 / 4))


def test_bleu_counts_ngrams_and_punishes_short_texts() -> None:
    # All unigrams are right, 4 of 5 words: exp(1 - 5/4).
    scores = reference_scores(["the cat sat down"], ["the cat sat down there"])
    assert scores.bleu1 == pytest.approx(100 * math.exp(1 - 5 / 4))
    assert scores.bleu4 == pytest.approx(100 * math.exp(1 - 5 / 4))


def test_chinese_is_cut_into_characters() -> None:
    scores = reference_scores(["您买过红色杯子"], ["您买过蓝色杯子"], "zh")
    assert scores.bleu1 == pytest.approx(100 * 6 / 7)
    assert scores.rouge_l == pytest.approx(100 * 6 / 7)


def test_as_many_references_as_texts_are_needed() -> None:
    with pytest.raises(ConfigError, match="1 texts for 2 references"):
        reference_scores(["a"], ["a", "b"])
    with pytest.raises(ConfigError):
        reference_scores([], [])


def test_texts_without_a_wanted_feature_do_not_count_for_matching() -> None:
    scores = feature_scores([{"a"}, {"a", "b"}, {"c"}], ["a", None, "b"], ["a", "b", "c", "d"])
    assert (scores.fmr, scores.fcr) == (0.5, 0.75)
    assert scores.div == pytest.approx(1 / 3)  # "a" is shared by one pair of three


def test_equal_texts_have_a_self_bleu_of_100() -> None:
    assert self_bleu(["you bought a red mug"] * 3) == pytest.approx(100)
    assert self_bleu(["you bought a red mug", "without it this would go"]) < 20


def test_flesch_by_hand() -> None:
    # Six words, one sentence, six syllables.
    assert flesch(["The cat sat on the mat."]) == pytest.approx(206.835 - 1.015 * 6 - 84.6)


def test_chinese_ease_by_hand() -> None:
    # One sentence of 12 characters in one clause, all common: 2 points for each above 8.
    assert chinese_ease(["您买过红色杯子这里有一只。"]) == pytest.approx(100 - 2 * 4)
    # 饕餮 stand outside the first level: 2 of 4 characters.
    assert chinese_ease(["您爱饕餮。"]) == pytest.approx(100 - 50)


NAN = math.nan
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]


@pytest.mark.parametrize(
    ("level", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_of_the_example_that_krippendorff_gives(level: str, expected: float) -> None:
    judgements = [
        (f"judge {j}", f"unit {u:02}", v)
        for j, row in enumerate(OBSERVERS)
        for u, v in enumerate(row)
        if not math.isnan(v)
    ]
    assert alpha(judgements, level) == pytest.approx(expected, abs=5e-4)  # type: ignore[arg-type]


def test_alpha_needs_two_judges_and_takes_the_later_judgement() -> None:
    with pytest.raises(ConfigError, match="two people"):
        alpha([("a", "x", 1), ("b", "y", 1)])
    changed = [("a", "x", 2), ("a", "x", 1), ("b", "x", 1), ("a", "y", 2), ("b", "y", 2)]
    assert alpha(changed) == pytest.approx(1.0)
    assert alpha([("a", "x", 1), ("b", "x", 1)]) == 1.0


def test_preferences_are_tested_without_the_ties() -> None:
    found = preference([1] * 9 + [-1] + [0] * 5)
    assert (found.wins, found.losses, found.ties) == (9, 1, 5)
    assert found.p_value == pytest.approx(2 * 11 / 1024)
    assert preference([]).share == 0.5


def test_bert_score_of_a_text_with_itself_is_100(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "you", "bought", "a", "red", "mug"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary))
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    transformers.set_seed(0)
    config = transformers.BertConfig(
        vocab_size=10, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(tmp_path)
    same = bert_score(["you bought a mug"], ["you bought a mug"], str(tmp_path))
    other = bert_score(["you bought a mug"], ["red red red"], str(tmp_path))
    assert same == pytest.approx(100, abs=1e-3)
    assert other < same
    with pytest.raises(LanguageError, match="no encoder"):
        bert_score(["a"], ["a"], str(tmp_path / "nowhere"))
