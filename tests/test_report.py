"""The report as a browser, a screen reader and a person without a network get it."""

import base64
import functools
import io
from html.parser import HTMLParser

from made_up_results import RUNS, results_of
from matplotlib import pyplot
from PIL import Image

from minicluster import report as reporting
from minicluster.plots import Picture
from minicluster.report import report

VOID = {"meta", "img", "input", "br"}
NASTY = 'Fewer than < 5 & "more" <script>alert(1)</script>'


class Page(HTMLParser):
    """Tags, their attributes, and the text between them; an unbalanced tag is an error."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), (tag, attributes)
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.texts.append((tuple(self.open), " ".join(data.split())))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def text_of(self, tag):
        return [text for path, text in self.texts if tag in path and text]


@functools.cache
def all_results():
    """Good ones of two seeds, but for a verdict that fails and one that was not judged."""
    made = {name: results_of(name, run(3), run(4)) for name, run in RUNS.items()}
    first, second = made["sharing"]["verdicts"]
    verdicts = [
        {**first, "statement": NASTY, "holds": False}, {**second, "holds": None, "values": [None, -0.001]}
    ]  # fmt: skip
    failed = [{"seed": 5, "training": "share <1>", "message": "no & longer finite"}]
    return {**made, "sharing": {**made["sharing"], "verdicts": verdicts, "failed": failed}}


@functools.cache
def text_of(*names):
    """The report of these experiments, by default of all."""
    return report({name: own for name, own in all_results().items() if name in names or not names})


def test_it_is_one_well_formed_page_that_needs_nothing_else():
    page = Page(text_of())
    assert text_of().startswith("<!doctype html>\n")
    assert len(page.all("h1")) == len(page.all("title")) == 1
    assert page.all("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in page.all("meta")
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            if name in attributes:
                assert attributes[name].startswith(("data:image/png;base64,", "#")), (tag, attributes[name][:80])
        assert "srcset" not in attributes and tag not in ("link", "iframe")
    assert "http" not in reporting.STYLE + reporting.SCRIPT and "url(" not in reporting.STYLE


def test_links_lead_somewhere_and_ids_are_given_once():
    page = Page(text_of())
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids) and set(RUNS) <= set(ids)
    assert {link["href"].removeprefix("#") for link in page.all("a")} == set(RUNS)


def test_every_picture_is_there_and_says_what_it_shows():
    open_before = pyplot.get_fignums()
    page = Page(text_of())
    images = page.all("img")
    assert len(images) == 2 + 1 + 1 + 1 + 3 + 2 + 1  # dynamics and pretraining draw two, geography three
    for image in images:
        assert len(image["alt"]) > 100
        png = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True)
        assert Image.open(io.BytesIO(png)).text["Description"] == image["alt"]
    assert pyplot.get_fignums() == open_before


def test_there_is_a_row_for_each_verdict_with_its_number_and_word():
    text, results = text_of(), all_results()
    table = Page(text[text.index("<h2>In short") : text.index("<section")])
    n = sum(len(own["verdicts"]) for own in results.values())
    assert len(table.all("a")) == n
    words = [attributes["class"] for attributes in table.all("span")]
    assert words.count("word holds") == n - 2
    assert words.count("word does-not-hold") == words.count("word not-judged") == 1
    cells = table.text_of("td")
    assert NASTY in cells  # escaped once: what was meant is what is read
    for name in ("dynamics", "unseen", "bottleneck"):
        for verdict in results[name]["verdicts"]:
            assert verdict["statement"] in cells
    assert "best layer's ARI on training strings >= 0.95" not in cells
    assert "ARI of the best layer, training strings: 0.98" in cells
    # Claims that nothing was measured of have a row, too.
    assert cells.count("not measured") == 2 and len(table.all("tr")) == 1 + n + 2


def test_what_experiments_say_is_escaped():
    text = text_of()
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text
    assert "Fewer than &lt; 5 &amp; &quot;more&quot;" in text
    assert "share &lt;1&gt;: no &amp; longer finite" in text
    assert 'alt="' in text and "seed 5, share" in " ".join(Page(text).text_of("p"))


def test_a_section_has_rule_controls_each_seed_and_configuration():
    page = Page(text_of("sharing"))
    verdict = all_results()["sharing"]["verdicts"][0]
    assert any(verdict["rule"] in own for own in page.text_of("p"))
    cells = page.text_of("th") + page.text_of("td")
    for name, control in verdict["controls"].items():
        assert name in cells
        assert ", ".join(f"{value:.2f}" for value in control["values"]) in cells
    assert "-, 0.00" in cells  # a seed without a number, and no minus before 0.00
    assert any(own.startswith("What would have falsified it") for own in page.text_of("strong"))
    assert "Configuration: seeds 3, 4; the command took 3 seconds" in page.text_of("summary")
    assert any("d_model = 8" in own for own in page.text_of("p"))


def test_an_interval_is_told_with_its_number():
    verdict = all_results()["unseen"]["verdicts"][0]
    low, high = verdict["interval"]
    assert f"0.95, 95 % interval {low:.2f} to {high:.2f}" in text_of("unseen")


def test_the_paper_is_gone_through_statement_by_statement():
    text = text_of("dynamics")
    table = Page(text[text.index("<h2>The paper, statement") : text.index("</main>")])
    assert len(table.all("tr")) == 1 + 6 + 1  # the claims, and the applications
    numbers = [own for own in table.text_of("td") if ", holds" in own]
    assert "ARI of the best layer, training strings: 0.98, holds" in numbers and len(numbers) == 3
    assert table.text_of("td").count("not measured") == 5
    assert "minicluster experiment dynamics" in table.text_of("code")


def test_the_applications_are_those_of_two_experiments():
    results = dict(all_results())
    besides = {**results["sharing"]["verdicts"][0], "claim": None, "number_is": "something besides"}
    results["sharing"] = {**results["sharing"], "verdicts": [besides]}
    text = report(results)
    table = Page(text[text.index("<h2>The paper, statement") : text.index("</main>")])
    numbers = " ".join(table.text_of("td"))
    assert "lift by true tasks: 0.70, holds" in numbers and "something besides" not in numbers
    assert "something besides" in text  # elsewhere


def test_seeds_of_all_experiments_and_the_environment_are_told():
    (fine,) = [own for own in Page(text_of()).text_of("p") if own.startswith("Seeds ")]
    assert fine.startswith("Seeds 3, 4.") and "minicluster 0.1.0, Python 3.12" in fine and "2026-01-01" in fine


def test_frames_become_a_slider_that_begins_at_the_last_one(monkeypatch):
    open_before = pyplot.get_fignums()
    def frames(own):
        drawn = []
        for step in (0, 20, 300):
            figure = pyplot.figure(figsize=(1, 1))
            drawn.append((step, Picture(figure, f"step {step} < all")))
        return drawn

    monkeypatch.setattr(reporting, "frames_of", lambda name: frames if name == "sharing" else None)
    page = Page(report({name: all_results()[name] for name in ("sharing", "unseen")}))
    images = [image for image in page.all("img") if "data-step" in image]
    assert [image["data-step"] for image in images] == ["0", "20", "300"]
    assert ["hidden" in image for image in images] == [True, True, False]  # without scripts: the last
    assert images[0]["alt"] == "step 0 < all"
    (slider,) = page.all("input")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "2", "2")
    assert any(path[-1:] == ("label",) and text == "training step" for path, text in page.texts)
    assert pyplot.get_fignums() == open_before


def test_without_frames_there_is_no_slider():
    assert Page(text_of()).all("input") == []
