"""Texts beside reference texts: BLEU, ROUGE, chrF and BERTScore, and the features that they share.

The counting is that of sacrebleu (Post, WMT 2018) and rouge-score (Lin, 2004); Chinese is cut into
characters for both. Feature measures are those of Li, Zhang and Chen, "Generate Neural Template
Explanations for Recommendation", CIKM 2020.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from whyrec.errors import ConfigError
from whyrec.evaluate.texts import words


@dataclass(frozen=True, slots=True)
class ReferenceScores:
    """Scores of texts against their references, each 0 to 100.

    Attributes
    ----------
    bleu1, bleu4
        Corpus BLEU of unigrams, and of n-grams up to 4.
    rouge1, rouge2, rouge_l
        Mean F1 of each text with its reference.
    chrf
        Corpus chrF (Popović, WMT 2015).
    """

    bleu1: float
    bleu4: float
    rouge1: float
    rouge2: float
    rouge_l: float
    chrf: float


def reference_scores(
    texts: Sequence[str], references: Sequence[str], lang: str = "en"
) -> ReferenceScores:
    """Score each text against the reference at the same place.

    Raises
    ------
    ConfigError
        If there are none, their numbers differ, or the extra `texts` is not installed.

    Examples
    --------
    >>> s = reference_scores(["you bought the red mug here"], ["you bought the red mug here"])
    >>> round(s.bleu4), round(s.rouge_l), round(s.chrf)
    (100, 100, 100)
    """
    if not texts or len(texts) != len(references):
        raise ConfigError(
            f"{len(texts)} texts for {len(references)} references",
            where="reference scores",
            remedy="pass one reference for each text",
        )
    sacrebleu, rouge = _libraries()
    cut = "zh" if lang == "zh" else "13a"
    one = sacrebleu.BLEU(max_ngram_order=1, tokenize=cut)
    four = sacrebleu.BLEU(tokenize=cut)
    scorer = rouge.RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=_Words(lang))
    found = [scorer.score(r, t) for t, r in zip(texts, references, strict=True)]
    mean = {k: 100 * float(np.mean([f[k].fmeasure for f in found])) for k in found[0]}
    return ReferenceScores(
        bleu1=one.corpus_score(texts, [references]).score,
        bleu4=four.corpus_score(texts, [references]).score,
        rouge1=mean["rouge1"],
        rouge2=mean["rouge2"],
        rouge_l=mean["rougeL"],
        chrf=sacrebleu.CHRF().corpus_score(texts, [references]).score,
    )


def bert_score(
    texts: Sequence[str], references: Sequence[str], encoder: str, *, batch: int = 32
) -> float:
    """Mean F1 of BERTScore (Zhang et al., ICLR 2020), 0 to 100, without idf and rescaling.

    Parameters
    ----------
    encoder
        A Hugging Face encoder saved on disk, or a name that is in the local cache.

    Raises
    ------
    ConfigError
        If the extra `hf` is not installed or the numbers differ.
    LanguageError
        If the encoder cannot be loaded.
    """
    if not texts or len(texts) != len(references):
        raise ConfigError(
            f"{len(texts)} texts for {len(references)} references",
            where="BERTScore",
            remedy="pass one reference for each text",
        )
    tokenizer, model = _encoder(encoder)
    scores: list[float] = []
    for at in range(0, len(texts), batch):
        a = _embed(tokenizer, model, texts[at : at + batch])
        b = _embed(tokenizer, model, references[at : at + batch])
        for x, y in zip(a, b, strict=True):
            similar = x @ y.T
            if not similar.size:
                scores.append(0.0)
                continue
            precision, recall = float(similar.max(1).mean()), float(similar.max(0).mean())
            total = precision + recall
            scores.append(2 * precision * recall / total if total > 0 else 0.0)
    return 100 * float(np.mean(scores))


@dataclass(frozen=True, slots=True)
class FeatureScores:
    """How texts use features.

    Attributes
    ----------
    fmr
        Feature matching ratio: the share of texts that hold the feature they should.
    fcr
        Feature coverage ratio: distinct features told over distinct features there are.
    div
        Feature diversity: mean number of features that two texts share; lower is more varied.
    """

    fmr: float
    fcr: float
    div: float


def feature_scores(
    told: Sequence[Collection[str]], wanted: Sequence[str | None], known: Collection[str]
) -> FeatureScores:
    """FMR, FCR and DIV of texts that tell the features `told`, each of which should tell `wanted`.

    Texts without a wanted feature (None) do not count for FMR.

    Examples
    --------
    >>> feature_scores([{"oak"}, {"oak", "red"}, set()], ["oak", "blue", None], ["oak", "red", "blue"])
    FeatureScores(fmr=0.5, fcr=0.6666666666666666, div=0.3333333333333333)
    """
    asked = [(t, w) for t, w in zip(told, wanted, strict=True) if w is not None]
    every = set().union(*told) if told else set()
    # The number of pairs that share a feature, feature by feature, is what all pairs share.
    counts = Counter(f for t in told for f in set(t))
    pairs = len(told) * (len(told) - 1) / 2
    shared = sum(n * (n - 1) / 2 for n in counts.values())
    return FeatureScores(
        fmr=sum(w in t for t, w in asked) / len(asked) if asked else 1.0,
        fcr=len(every & set(known)) / len(set(known)) if known else 1.0,
        div=shared / pairs if pairs else 0.0,
    )


def self_bleu(texts: Sequence[str], lang: str = "en", *, most: int = 200, seed: int = 0) -> float:
    """Mean BLEU-4 of a text against another one, over pairs of a sample; lower is more varied.

    Raises
    ------
    ConfigError
        If the extra `texts` is not installed.
    """
    if len(texts) < 2:
        return 0.0
    sacrebleu, _ = _libraries()
    bleu = sacrebleu.BLEU(effective_order=True, tokenize="zh" if lang == "zh" else "13a")
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(texts))[: max(2, round((2 * most) ** 0.5) + 1)]
    pairs = list(combinations(chosen.tolist(), 2))[:most]
    return float(np.mean([bleu.sentence_score(texts[a], [texts[b]]).score for a, b in pairs]))


class _Words:
    """Cuts a text for rouge-score: words, and Chinese into characters."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def tokenize(self, text: str) -> list[str]:
        return words(text, self.lang)


def _libraries() -> tuple[Any, Any]:
    try:
        import sacrebleu.metrics
        from rouge_score import rouge_scorer
    except ImportError as e:
        raise ConfigError(
            f"{e.name} is not installed",
            where="reference scores",
            remedy="pip install 'whyrec[texts]'",
        ) from e
    return sacrebleu.metrics, rouge_scorer


def _encoder(place: str) -> tuple[Any, Any]:
    from whyrec.errors import LanguageError

    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as e:
        raise ConfigError(
            f"{e.name} is not installed", where="BERTScore", remedy="pip install 'whyrec[hf]'"
        ) from e
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
        model = AutoModel.from_pretrained(place, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as e:
        raise LanguageError(
            f"no encoder: {str(e).splitlines()[0][:200]}",
            where=place,
            remedy="name a directory that holds a saved Hugging Face encoder",
        ) from e
    return tokenizer, model.eval()


def _embed(tokenizer: Any, model: Any, texts: Sequence[str]) -> list[Any]:
    """Unit vectors of the tokens of each text, without those that begin and end it."""
    import torch

    cut = tokenizer(
        list(texts),
        return_tensors="pt",
        padding=True,
        truncation=True,
        return_special_tokens_mask=True,
    )
    marks = cut.pop("special_tokens_mask").bool()
    keep = cut["attention_mask"].bool() & ~marks
    with torch.no_grad():
        hidden = model(**cut).last_hidden_state
    hidden = torch.nn.functional.normalize(hidden, dim=-1)
    return [h[k].numpy() for h, k in zip(hidden, keep, strict=True)]
