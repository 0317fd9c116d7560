"""Every source gives item features by one interface, and sums of them mean what they say."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from whyrec.data.catalogue import Catalogue
from whyrec.data.readers import from_frames
from whyrec.errors import ConfigError, DataError
from whyrec.features import sources
from whyrec.features.sources import combine, item_features, parse, register, unregister
from whyrec.features.vectors import ItemFeatures, unit_rows

ITEMS = Catalogue(
    pl.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "title": ["Red teapot", "Blue teapots", "Oak shelf", "d"],
            "title_zh": ["红色茶壶", "蓝色茶壶", "橡木书架", None],
            "category": ["Kitchen", "kitchen", "Furniture", None],
            "tags": [["gift"], ["gift", "round"], [], None],
        }
    )
)


def cosines(features: ItemFeatures) -> np.ndarray[Any, Any]:
    m = features.matrix.toarray() if sparse.issparse(features.matrix) else features.matrix
    return np.asarray(m @ m.T)


def test_tfidf_by_hand() -> None:
    table = pl.DataFrame({"id": ["1", "2", "3"], "title": ["cup", "cup cup saucer", "lamp"]})
    features = item_features(Catalogue(table), "tfidf")
    assert features.names == ("word:cup", "word:lamp", "word:saucer")
    # Title words count twice. Item 2: tf of cup 4, of saucer 2, weighing 1 + ln tf; of 3 items 2 hold
    # cup and 1 holds saucer: idf = ln(4 / 3) + 1 and ln(4 / 2) + 1.
    cup = (1 + np.log(4)) * (np.log(4 / 3) + 1)
    saucer = (1 + np.log(2)) * (np.log(4 / 2) + 1)
    wanted = np.array([cup, 0, saucer]) / np.hypot(cup, saucer)
    assert features.matrix.toarray()[1] == pytest.approx(wanted, abs=1e-6)
    assert features.matrix.toarray()[0].tolist() == [1, 0, 0]


def test_tfidf_reads_all_languages_stems_words_and_names_columns() -> None:
    features = item_features(ITEMS)
    assert features.names is not None
    names = set(features.names)
    assert {
        "category:kitchen",
        "category:furniture",
        "tag:gift",
        "word:teapot",
        "word:茶壶",
    } <= names
    assert not any("teapots" in n for n in names)
    c = cosines(features)
    assert c[0, 1] > 0.5 > c[0, 2]
    # An item of which only its id is known, which is no word, is zero.
    assert not features.matrix[3].nnz
    assert features.matrix.dtype == np.float32


def test_a_long_description_does_not_drown_the_category() -> None:
    long = " ".join(f"word{chr(97 + k)}x" for k in range(26))
    table = pl.DataFrame(
        {
            "id": ["a", "b"],
            "title": ["x", "y"],
            "description": [long, "short words"],
            "category": ["Lamp", "Lamp"],
        }
    )
    # Words and categories weigh the same: cosine = (0 + 1) / 2.
    assert cosines(item_features(Catalogue(table)))[0, 1] == pytest.approx(0.5, abs=1e-6)


def test_lsa_keeps_the_cosines_where_it_keeps_all_dimensions_and_is_seeded() -> None:
    words = ["oak", "elm", "ash", "fir", "yew"]
    titles = [f"{a} {b}" for a in words for b in words if a < b]
    table = Catalogue(pl.DataFrame({"id": list(map(str, range(len(titles)))), "title": titles}))
    full, few = cosines(item_features(table, "tfidf")), item_features(table, "lsa", factors=4)
    assert few.matrix.shape == (10, 4)
    assert np.corrcoef(full.ravel(), cosines(few).ravel())[0, 1] > 0.8
    again = item_features(table, "lsa", factors=4)
    assert np.array_equal(few.matrix, again.matrix)


def test_facets_weigh_their_idf_and_bear_the_catalogues_names() -> None:
    features = item_features(ITEMS, "facets")
    assert features.names == ("category:Furniture", "category:Kitchen", "tag:gift", "tag:round")
    row = features.matrix.toarray()[1]
    # idf: kitchen and gift ln(4/2), round ln(4/1)
    wanted = np.array([0, np.log(2), np.log(2), np.log(4)])
    assert row == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-6)


def test_a_sum_is_the_weighted_mean_of_cosines() -> None:
    a, b = item_features(ITEMS, "tfidf"), item_features(ITEMS, "facets")
    both = item_features(ITEMS, "tfidf + facets:0.5")
    assert cosines(both)[:3, :3] == pytest.approx(
        (cosines(a) + 0.5 * cosines(b))[:3, :3] / 1.5, abs=1e-5
    )
    assert both.names == (*(a.names or ()), *(b.names or ()))
    assert both.source == "tfidf + facets:0.5"


def test_columns_without_names_are_called_by_their_source_in_a_sum() -> None:
    mixed = item_features(ITEMS, "tfidf+lsa", factors=2)
    assert mixed.names is not None
    assert mixed.names[-2:] == ("lsa:0", "lsa:1")


@given(
    st.lists(st.lists(st.floats(-5, 5, width=32), min_size=3, max_size=3), min_size=1, max_size=6)
)
def test_rows_are_of_unit_length_or_zero(rows: list[list[float]]) -> None:
    for matrix in (np.array(rows, np.float32), sparse.csr_matrix(np.array(rows, np.float32))):
        joint = combine([ItemFeatures("x", unit_rows(matrix))] * 2, [1.0, 0.25], "x+x")
        dense = joint.matrix.toarray() if sparse.issparse(joint.matrix) else joint.matrix
        lengths = np.linalg.norm(dense, axis=1)
        assert all(abs(v - 1) < 1e-3 or v == 0 for v in lengths)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("words", "no such source of features: 'words'; use tfidf, lsa, facets"),
        ("tfidf:0", "a weight of 0"),
        ("tfidf:x", "tfidf takes nothing after the colon"),
        ("embeddings", "no encoder is named"),
        ("embeddings:/nowhere/at/all", "no such directory; save the encoder to disk first"),
        ("word2vec:films", "word2vec has no 'films'"),
        ("word2vec:events", "needs the events; pass dataset="),
    ],
)
def test_bad_specifications(spec: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        item_features(ITEMS, spec)


def test_an_option_that_no_source_has() -> None:
    with pytest.raises(ConfigError, match=r"no such option: factor; use .*factors"):
        item_features(ITEMS, "lsa", factor=3)


def test_paths_may_hold_plus_and_colon() -> None:
    assert [p.argument for p in parse("embeddings:/a+b:c/m:0.5+tfidf")] == ["/a+b:c/m", None]
    assert parse("embeddings:/a+b:c/m:0.5")[0].weight == 0.5


def test_another_package_plugs_in_sound_by_the_same_interface(monkeypatch: Any) -> None:
    def sound(
        catalogue: Catalogue, argument: str | None, *, dataset: Any = None, rate: int = 8
    ) -> ItemFeatures:
        return ItemFeatures("sound", unit_rows(np.full((len(catalogue), rate), 2.0)))

    register("sound")(sound)
    try:
        mixed = item_features(ITEMS, "tfidf+sound:0.3", rate=5)
        assert mixed.names is not None
        assert mixed.names[-1] == "sound:4"
        with pytest.raises(ConfigError, match="called 'sound' already"):
            register("sound")(sound)
    finally:
        unregister("sound")

    class Point:
        name = "heard"

        @staticmethod
        def load() -> Any:
            return sound

    monkeypatch.setattr(sources, "_offered", lambda: {"heard": Point})
    assert item_features(ITEMS, "heard", rate=3).matrix.shape == (4, 3)


@pytest.mark.parametrize("bad", ["rows", "names", "nan"])
def test_a_source_that_breaks_its_promise_is_told(bad: str) -> None:
    matrix = np.ones((3 if bad == "rows" else 4, 2), np.float32)
    if bad == "nan":
        matrix[0, 0] = np.nan

    @register("broken")
    def broken(catalogue: Catalogue, argument: str | None, *, dataset: Any = None) -> ItemFeatures:
        return ItemFeatures("broken", matrix, ("one",) if bad == "names" else None)

    try:
        with pytest.raises(ConfigError, match=r"broken: gave .*(3 rows|1 names|not finite)"):
            item_features(ITEMS, "broken")
    finally:
        unregister("broken")


def test_item2vec_puts_what_is_had_together_together() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (f"u{u}", f"{'ab'[u % 2]}{k}", "buy", f"2024-01-{n + 1:02d}")
        for u in range(60)
        for n, k in enumerate(rng.permutation(6)[:5])
    ]
    names = ("user", "item", "event", "time")
    data = from_frames({n: [r[k] for r in rows] for k, n in enumerate(names)})
    features = item_features(data.catalogue, "word2vec:events", dataset=data, factors=8, epochs=100)
    c = cosines(features)
    kind = np.array([i[0] for i in data.catalogue.ids])
    same = kind[:, None] == kind[None, :]
    off = ~np.eye(len(kind), dtype=bool)
    assert c[same & off].mean() > c[~same].mean() + 0.3
    again = item_features(data.catalogue, "word2vec:events", dataset=data, factors=8, epochs=100)
    assert np.array_equal(features.matrix, again.matrix)


def test_word2vec_of_texts_and_texts_that_have_no_neighbours() -> None:
    features = item_features(ITEMS, "word2vec", factors=4, epochs=2)
    assert features.matrix.shape == (4, 4)
    assert not features.matrix[3].any()
    alone = Catalogue(pl.DataFrame({"id": ["1", "2"], "title": ["Cup", "Lamp"]}))
    with pytest.raises(DataError, match="nothing occurs beside anything else"):
        item_features(alone, "word2vec")


VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "teapot", "##s", "oak", "shelf", "."]  # fmt: skip


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: Any) -> Path:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    place: Path = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=32,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(place)
    (place / "vocab.txt").write_text("\n".join(VOCABULARY))
    transformers.BertTokenizer(str(place / "vocab.txt")).save_pretrained(place)
    return place


def test_a_hugging_face_encoder_from_disk(tiny_bert: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    features = item_features(ITEMS, f"embeddings:{tiny_bert}", batch=3)
    assert features.matrix.shape == (4, 16)
    assert features.names is None
    assert np.linalg.norm(features.matrix, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    # The mean of the last states over the tokens, one text at a time and without padding.
    tokenizer, model = (
        AutoTokenizer.from_pretrained(tiny_bert),
        AutoModel.from_pretrained(tiny_bert),
    )
    with torch.inference_mode():
        inputs = tokenizer("Blue teapots. kitchen. gift, round", return_tensors="pt")
        mean = model.eval()(**inputs).last_hidden_state[0].mean(0).numpy()
    assert features.matrix[1] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_a_sentence_transformers_encoder_from_disk(tiny_bert: Path, tmp_path: Path) -> None:
    st_ = pytest.importorskip("sentence_transformers")
    models = pytest.importorskip("sentence_transformers.models")
    part = models.Transformer(str(tiny_bert))
    pool = models.Pooling(16, "mean")
    st_.SentenceTransformer(modules=[part, pool], device="cpu").save(str(tmp_path / "st"))
    features = item_features(ITEMS, f"embeddings:{tmp_path / 'st'}")
    plain = item_features(ITEMS, f"embeddings:{tiny_bert}")
    assert features.matrix == pytest.approx(plain.matrix, abs=1e-5)


def test_encoders_with_code_or_pickles_are_refused(tiny_bert: Path, tmp_path: Path) -> None:
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "config.json").write_text("{}")
    (pickled / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ConfigError, match="holds no weights as safetensors"):
        item_features(ITEMS, f"embeddings:{pickled}")
    (pickled / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ConfigError, match="is no encoder that can be loaded"):
        item_features(ITEMS, f"embeddings:{pickled}")
    (pickled / "modules.json").write_text('[{"type": "os.path"}]')
    with pytest.raises(ConfigError, match=r"it wants to run os\.path"):
        item_features(ITEMS, f"embeddings:{pickled}")


def test_english_needs_no_extra_and_chinese_falls_back_to_pairs_of_characters(
    monkeypatch: Any, caplog: Any
) -> None:
    from whyrec.features.text import chinese, english

    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] in {"jieba", "snowballstemmer"}:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    caches = (english._stemmer, chinese._optional_segmenter, chinese._tagger)
    for cached in caches:
        cached.cache_clear()
    try:
        names = item_features(ITEMS).names or ()
        assert {"word:teapot", "word:茶壶", "word:色茶"} <= set(names)
        assert "pip install 'whyrec[text]'" in caplog.text
        from whyrec.features.text import analyse

        with pytest.raises(
            ConfigError, match=r"jieba.* is not installed; pip install 'whyrec\[text"
        ):
            analyse("茶壶很好")
    finally:
        monkeypatch.undo()
        for cached in caches:
            cached.cache_clear()
