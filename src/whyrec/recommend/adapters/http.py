"""A scorer behind HTTP: somebody's service says the scores, and nothing it says is trusted.

The protocol is one POST of JSON, at most `batch` histories a request, without anybody's id:

    {"whyrec": 1, "reads": "liked",
     "histories": [{"items": ["a", "b"], "weights": [1.0, 0.5]}, {"items": [], "weights": []}]}

answered with status 200 by scores of every item, in the order of the ids agreed on,

    {"scores": [[0.1, 2.0, …], […]]}

or of the best ones only, with their ids; what is not named comes after them:

    {"items": [["b", "c"], […]], "scores": [[2.0, 0.4], […]]}
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
from scipy import sparse

from whyrec.data.dataset import Reads
from whyrec.errors import ConfigError, ModelError
from whyrec.recommend.adapters.functions import READS, live_bundle
from whyrec.recommend.adapters.scorer import Scorer
from whyrec.recommend.adapters.vocabulary import Alignment, Missing, align
from whyrec.recommend.checks import check_number

if TYPE_CHECKING:
    from whyrec.data.dataset import Dataset
    from whyrec.recommend.bundle import Bundle

WHERE = "from_http"
AGAIN = frozenset({429, 502, 503, 504})
"""Statuses after which it is worth asking again."""

WAIT = 0.2
"""Seconds before the second attempt; twice as long before each further one."""

BYTES_A_SCORE = 40
"""The most that a number or an id with its punctuation may take in an answer, on average."""


class HttpModel(Scorer):
    """A service that scores histories; see the module for the protocol.

    Parameters
    ----------
    url
        http or https, without a name or password in it.
    reads
        What histories hold.
    token_env
        Name of the environment variable whose value is sent as a bearer token; "" for none. The
        token itself is never saved or shown.
    timeout
        Seconds for one request, from connecting to the last byte.
    retries
        Further attempts after a lost connection or status 429, 502, 503, 504.
    batch
        Histories a request.
    ids
        Their item ids, in the order of their scores; [] for those of the catalogue.
    """

    name: str = "http"

    def __init__(
        self,
        *,
        url: str = "",
        reads: Reads = "liked",
        token_env: str = "",
        timeout: float = 10.0,
        retries: int = 2,
        batch: int = 64,
        ids: Sequence[str] = (),
    ) -> None:
        self.url = check_url(url)
        if reads not in READS:
            raise ConfigError(
                f"cannot read {reads}", where="http", remedy=f"use {', '.join(READS)}"
            )
        check_number(timeout, where="http, timeout", low=0.001)
        check_number(retries, where="http, retries", low=0, high=10, whole=True)
        check_number(batch, where="http, batch", low=1, whole=True)
        self.reads, self.token_env, self.timeout = reads, token_env, float(timeout)
        self.retries, self.batch, self.ids = int(retries), int(batch), tuple(ids)
        self._client: Any = None
        self._process = 0

    @property
    def params(self) -> Mapping[str, Any]:
        """Constructor arguments."""
        names = ("url", "reads", "token_env", "timeout", "retries", "batch")
        return {**{n: getattr(self, n) for n in names}, "ids": list(self.ids)}

    def attach(self, dataset: Dataset) -> None:
        """Take the item ids from the data set."""
        ours = dataset.catalogue.ids
        self._names = list(self.ids) or list(ours)
        self._index = {id: k for k, id in enumerate(self._names)}
        self._use(
            align(
                self._names, len(self._names), ours, what="item", where=self.name, missing="ignore"
            )
        )

    def _ask(self, histories: sparse.csr_matrix) -> Any:
        said = []
        for u in range(histories.shape[0]):
            a, b = histories.indptr[u], histories.indptr[u + 1]
            items = [self._names[i] for i in histories.indices[a:b].tolist()]
            said.append({"items": items, "weights": histories.data[a:b].tolist()})
        answer = self._post({"whyrec": 1, "reads": self.reads, "histories": said})
        if not isinstance(answer, dict) or not isinstance(answer.get("scores"), list):
            raise self._wrong("the answer has no list of scores")
        if "items" not in answer:
            return answer["scores"]
        return self._best(answer["items"], answer["scores"], histories.shape[0])

    def _best(self, items: Any, scores: Any, n: int) -> npt.NDArray[np.float64]:
        """Scores of every item from the best of each history; the others come after them."""
        if not isinstance(items, list) or len(items) != n or len(scores) != n:
            raise self._wrong(f"the answer has not {n} lists of items and of scores")
        out = np.empty((n, len(self._names)))
        for row, (ids, values) in enumerate(zip(items, scores, strict=True)):
            good = isinstance(ids, list) and isinstance(values, list) and len(ids) == len(values)
            if not good or not all(isinstance(v, int | float) for v in values):
                raise self._wrong(f"row {row} has not one score an item")
            columns = [self._index.get(str(id), -1) for id in ids]
            if -1 in columns:
                unknown = str(ids[columns.index(-1)])[:40]
                raise self._wrong(f"row {row} names the unknown item {unknown}")
            try:
                told = np.asarray(values, np.float64)
            except OverflowError:
                raise self._wrong(f"row {row} holds a number that is too large") from None
            low = told.min() - np.ptp(told) - 1 if len(told) else 0.0
            out[row] = low
            out[row, columns] = told
        return out

    def _post(self, body: Mapping[str, Any]) -> Any:
        import httpx

        content = json.dumps(body, ensure_ascii=False).encode()
        problem = ""
        for attempt in range(self.retries + 1):
            if attempt:
                time.sleep(WAIT * 2 ** (attempt - 1))
            try:
                status, data = self._once(content)
            except httpx.TimeoutException:
                problem = f"no answer within {self.timeout:g} s"
                continue
            except httpx.HTTPError as error:
                problem = f"cannot be reached ({type(error).__name__})"
                continue
            if status == 200:
                return self._parsed(data)
            problem = f"answered with status {status}"
            if 300 <= status < 400:
                raise self._wrong(f"{problem}: it sends elsewhere, which is not followed")
            if status not in AGAIN:
                break
        raise self._wrong(problem)

    def _once(self, content: bytes) -> tuple[int, bytes]:
        """(status, body) of one request within the timeout and the largest size."""
        import httpx

        headers = {"content-type": "application/json", "accept": "application/json"}
        if self.token_env:
            token = os.environ.get(self.token_env, "")
            if not token:
                raise ConfigError(
                    "is not set", where=self.token_env, remedy="put the service's token there"
                )
            headers["authorization"] = f"Bearer {token}"
        if self._client is None or self._process != os.getpid():
            # A forked process must not share its parent's connections.
            self._process = os.getpid()
            # No proxy, .netrc or cookie of the environment: histories go where they were sent.
            self._client = httpx.Client(follow_redirects=False, trust_env=False)
        most = BYTES_A_SCORE * self.batch * (len(self._names) + 16) + 4096
        ends = time.monotonic() + self.timeout
        request = self._client.stream(
            "POST", self.url, content=content, headers=headers, timeout=self.timeout
        )
        with request as answer:
            parts, size = [], 0
            for part in answer.iter_bytes():
                size += len(part)
                if size > most:
                    raise self._wrong(f"the answer is longer than {most} bytes")
                if time.monotonic() > ends:
                    raise httpx.ReadTimeout("late")
                parts.append(part)
            return answer.status_code, b"".join(parts)

    def _parsed(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self._wrong("the answer is not JSON") from None

    def _wrong(self, problem: str) -> ModelError:
        return ModelError(
            problem,
            where=self.url,
            remedy="check the service; docs/how-to/adapters.md tells what it must answer",
        )

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """How many items it has; the rest is in `params`."""
        self._check_fitted()
        return {"size": np.array([self.rows.size], np.int64)}

    @classmethod
    def from_arrays(cls, params: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The model back; it speaks to the service when it is asked, and not before."""
        model = cls(**params)
        size = int(arrays["size"][0])
        model._names = list(model.ids)
        model._use(Alignment(np.arange(size, dtype=np.int32), size))
        return model


def check_url(url: str) -> str:
    """The URL, if it may be called and saved.

    Raises
    ------
    ConfigError
        If it is not http or https with a host, or holds a name, password or fragment.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError(
            "not an http or https URL", where="url", remedy="for example http://…/score"
        )
    if parts.username or parts.password:
        raise ConfigError(
            "a URL with a name or password in it",
            where="url",
            remedy="put the token in an environment variable and name it with token_env",
        )
    return url


def from_http(
    url: str,
    dataset: Dataset,
    *,
    items: Sequence[Any] | None = None,
    missing: Missing = "error",
    **options: Any,
) -> Bundle:
    """A service that scores histories as a whyrec bundle; only its URL is saved with it.

    Scores stay the service's own; evidence is sampled from them (`exact` is false), which takes
    some hundred histories a person. Histories are sent without anybody's id. Redirects are not
    followed, and proxies, cookies and .netrc not used.

    Parameters
    ----------
    items
        Their item ids in the order of their scores; None for `dataset.catalogue.ids`.
    missing
        What to do about items that the data do not hold: `error` or `ignore`.
    **options
        `reads`, `token_env`, `timeout`, `retries`, `batch`; see `HttpModel`.

    Raises
    ------
    ConfigError
        If the URL, an option or ids are not allowed.
    ModelError
        If the service cannot be reached or answers anything else than the protocol.
    """
    try:
        import httpx  # noqa: F401 - told now, not in the middle of the work
    except ImportError:
        raise ModelError(
            "httpx is not installed", where=WHERE, remedy="pip install 'whyrec[http]'"
        ) from None
    from whyrec.recommend.checks import make_params

    if "ids" in options:
        raise ConfigError("no such parameter: ids", where=WHERE, remedy="pass items=[…]")
    ids: tuple[str, ...] = ()
    if items is not None:
        given = list(items)
        align(given, len(given), dataset.catalogue.ids, what="item", where=WHERE, missing=missing)
        from whyrec.recommend.adapters.vocabulary import as_text

        ids = tuple(as_text(given, what="item", where=WHERE))
    model = HttpModel(**make_params(HttpModel, {"url": url, **options}), ids=ids)
    model.attach(dataset)
    return live_bundle(model, dataset, {"url": url})
