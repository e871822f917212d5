from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector, InputError, report
from anomgan.evaluation.evaluate import evaluate

SETTINGS = {"steps": 20, "members": 1, "hidden": 8, "latent": 4, "memory_rows": 50}


class Parsed(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def bare(detector):
    return report(detector)


def test_hostile_names_are_escaped_everywhere(full, hostile):
    assert hostile not in full
    assert "<script" not in full
    assert "onerror=alert" not in [name for _, attrs in Parsed(full).tags for name in attrs]
    assert not any("onerror" in attrs for _, attrs in Parsed(full).tags)
    assert "<b>bold" not in full
    assert hostile in Parsed(full).text


def test_nothing_is_loaded_from_elsewhere(full):
    for tag, attrs in Parsed(full).tags:
        for name in ("src", "href", "xlink:href", "action", "data", "srcset"):
            value = attrs.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, attrs)
    assert not re.search(r"@import|url\((?!#)", full)
    [policy] = [
        attrs["content"]
        for tag, attrs in Parsed(full).tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_ids_are_unique(full):
    ids = [attrs["id"] for _, attrs in Parsed(full).tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    inside = {attrs["href"][1:] for tag, attrs in Parsed(full).tags if tag == "a"}
    assert inside <= set(ids)


def test_numbers_come_from_the_model_and_the_rows(full, detector, new):
    text = Parsed(full).text
    flagged = int((detector.predict(new) == -1).sum())
    assert f"{flagged} of 60 rows" in text
    assert "200 rows of" in text
    score, p = -detector.score_samples(new), detector.p_values(new)
    worst = int(np.argmax(score))
    assert f"row {worst}" in text
    assert f"score {score[worst]:.3g} · p = {p[worst]:.3g}" in text
    assert f"{-detector.offset_:.6g}" in text
    assert "6 of 60 rows are abnormal" in text
    assert "'nothing'" in text or "nothing : constant" in text


def test_the_culprit_is_named(full, hostile):
    assert f"{hostile} = 500" in Parsed(full).text


def test_promised_share_is_the_beta_interval(bare, detector):
    scores = detector.ensemble_.calibrator.scores
    above = int((scores > -detector.offset_).sum())
    draws = np.random.default_rng(0).beta(above + 1, len(scores) - above, 200_000)
    low, high = np.quantile(draws, [0.025, 0.975])
    [shown] = re.findall(r"<strong>(?:about )?([\d.]+)% to ([\d.]+)%</strong>", bare)
    assert [float(each) for each in shown] == pytest.approx([100 * low, 100 * high], abs=0.2)


def test_without_rows_only_the_model_is_described(bare):
    ids = [attrs.get("id") for tag, attrs in Parsed(bare).tags if tag == "section"]
    assert ids == ["scores", "health", "calibration", "data", "card"]
    assert "flagged" not in {attrs.get("href", "")[1:] for _, attrs in Parsed(bare).tags}


def test_simple_detectors_stand_beside(full, detector, new, labels, normal):
    text = Parsed(full).text
    found = evaluate(detector, new, labels, normal=normal, bootstrap=0)
    for name, heading in {"iforest": "isolation forest", "knn": "nearest neighbours"}.items():
        assert heading in text
        assert f"{found.peers[name]['auroc']:.3f}" in text
    assert "By AUROC the model is" in text
    hits = found.confusion["true_positives"]
    assert f"{hits} of the abnormal rows found" in text


def test_labels_of_one_kind_give_no_evaluation(detector, new):
    page = report(detector, new, labels=np.zeros(60))
    assert 'id="evaluation"' not in page
    assert "known: normal" in page


def test_same_model_same_page(full, detector, new, labels, normal):
    [day, time] = re.search(r"Made on (\S+)T(\S+)Z by", full).groups()
    made = datetime.fromisoformat(f"{day}T{time}+00:00")
    again = report(
        detector, new, labels=labels, normal=normal, name="pumps", source="new.csv", made=made
    )
    assert again == full


def test_when_the_model_was_fitted_and_the_page_made(full, detector):
    fitted = datetime.fromtimestamp(detector.training_facts_["finished"] // 1000, UTC)
    assert f"<dt>fitted</dt><dd>{fitted:%Y-%m-%dT%H:%M:%SZ}</dd>" in full
    made = datetime.fromisoformat(re.search(r"Made on (\S+) by", full).group(1))
    assert fitted <= made <= datetime.now(UTC)


def test_bad_rows_and_labels_are_refused(detector, new):
    with pytest.raises(InputError, match=r"new\.csv: has no rows to report on"):
        report(detector, new.head(0), source="new.csv")
    with pytest.raises(InputError, match="has 60 rows, but there are labels of shape"):
        report(detector, new, labels=[0, 1])
    with pytest.raises(InputError, match="labels must be 0"):
        report(detector, new, labels=np.full(60, 2))
    with pytest.raises(InputError, match="no column 'size'"):
        report(detector, new.drop(columns="size"))


def test_a_model_that_can_flag_nothing_says_so(normal):
    with pytest.warns(UserWarning, match="nothing will be flagged"):
        few = GANDetector(alpha=0.001, settings=SETTINGS, random_state=0).fit(
            normal[["size"]].head(60)
        )
    assert "Nothing can be flagged" in report(few)


def test_conditions_are_named(normal):
    frame = normal[["size"]].assign(machine=["press", "drill"] * 100)
    given = GANDetector("cgan", condition="machine", settings=SETTINGS, random_state=0).fit(frame)
    text = Parsed(report(given, frame.head(30))).text
    assert "given machine" in text
    assert "The rows are judged given machine" in text
    assert "machine = press" in text


def test_what_is_stored_of_training_rows_is_told(bare, normal):
    assert "100 training rows for each fold, scaled" in Parsed(bare).text
    settings = SETTINGS | {"score": "deviation"}
    lean = GANDetector(settings=settings, random_state=0).fit(normal[["size"]])
    assert "no training rows: the score needs none" in Parsed(report(lean)).text


def test_array_models_have_a_page(normal):
    array = GANDetector(settings=SETTINGS, random_state=0).fit(normal[["size"]].to_numpy())
    frame = pd.DataFrame({"x0": [10.0, 99.0]})
    assert "x0" in Parsed(report(array, frame)).text


def test_the_package_can_be_called_however_it_was_imported():
    import anomgan
    import anomgan.reporting.page

    assert callable(anomgan.report)
    assert inspect.signature(anomgan.report) == inspect.signature(anomgan.reporting.page.report)
