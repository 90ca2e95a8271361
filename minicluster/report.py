"""The report: every claim with its number, controls and pictures, in one HTML file that needs nothing else.

Results in, HTML out: pictures are drawn from the results and inlined, nothing is fetched, and what the pictures show
is also said in words.
"""

import base64
from html import escape

from .experiments.claims import STATEMENTS
from .experiments.verdicts import spread_text
from .plots.experiments import draw_experiment, frames_of

PAPER = "Wu & Varshney, Transformer-based Causal Language Models Perform Clustering, arXiv:2402.12151"
WORDS = {True: "holds", False: "does not hold", None: "not judged"}
# What the paper says, in our words, and how our way of looking differs from it. None: beside its six claims.
DEVIATIONS = {
    1: (
        "The model learns what a task is by clustering its data in the hidden states.",
        "dynamics",
        "Data, model and read-out are ours (the paper publishes no code): letters drawn from small regular "
        "expressions, states at the separator, k-means against the tasks. Controls that the claim must beat are ours.",
    ),
    2: (
        "The clustering evolves as the model learns.",
        "dynamics",
        "Measured at log-spaced steps of one training a seed, beside an untrained model.",
    ),
    3: (
        "Clustering saturates about when validation loss is lowest.",
        "saturation",
        "Definitions of both times are ours, and are fixed; learning rate, strings and tasks are varied, since any two "
        "rising curves look aligned.",
    ),
    4: (
        "Clusters help the model with what it has not seen.",
        "unseen, sharing, bottleneck",
        "That place and answer go together is not enough for us: states are moved, and the answer has to follow, with "
        "and without a bottleneck that lets the input see the separator only.",
    ),
    5: (
        "It holds when instructions of different tasks are alike.",
        "perturbed",
        "Two dials of ours: patterns that share parts, and letters that are replaced. The best that any reader could "
        "do is computed from the patterns' probabilities.",
    ),
    6: (
        "It holds in a more realistic setting.",
        "geography",
        "Places, facts and phrasings are ours: English questions about eight facts of 193 countries. So is the look at "
        "the last token before the answer, where clusters come and go.",
    ),
    None: (
        "Clustering inspires applications to pre-training and to alignment.",
        "pretraining, alignment",
        "The paper's later version has such applications; their details are not at hand. Both experiments are our own "
        "designs.",
    ),
}
STYLE = """
:root { color-scheme: light; }
body { font: 1.05rem/1.55 system-ui, sans-serif; color: #111; background: #fff; max-width: 62rem; margin: 0 auto;
  padding: 1rem; }
h1, h2, h3 { line-height: 1.25; }
h2 { border-top: 2px solid #ccc; padding-top: 1.2rem; margin-top: 2.5rem; }
figure { margin: 1.2rem 0; }
img { max-width: 100%; height: auto; display: block; }
img[hidden] { display: none; }
figcaption, .fine { color: #333; font-size: .95rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem; border-bottom: 1px solid #ccc; }
.word { font-weight: 700; white-space: nowrap; }
.holds::before { content: "\\2713  "; }
.does-not-hold::before { content: "\\2717  "; }
.does-not-hold { color: #8a2c00; }
input[type=range] { width: 100%; min-height: 2.5rem; }
"""
SCRIPT = """
document.querySelectorAll(".frames").forEach(function (box) {
  var slider = box.querySelector("input"), images = box.querySelectorAll("img"), label = box.querySelector("output");
  function show() {
    images.forEach(function (image, i) { image.hidden = i !== Number(slider.value); });
    label.textContent = "step " + images[slider.value].dataset.step;
    slider.setAttribute("aria-valuetext", label.textContent);
  }
  slider.addEventListener("input", show);
  box.querySelector(".control").hidden = false;
  show();
});
"""


def report(results):
    """Return the report as the text of an HTML file.

    Parameters
    ----------
    results : dict from experiment to its results
        From `investigate`, at least one.

    Returns
    -------
    str
    """
    sections = [_section(own) for own in results.values()]
    body = "\n".join([_head(results), _claims_table(results), *sections, _paper_table(results)])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>minicluster: the claims and their controls</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{body}\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _head(results):
    machines = list(dict.fromkeys(_machine(own["environment"]) for own in results.values()))
    runs = list(dict.fromkeys(_listed(own["seeds"]) for own in results.values()))
    mixed = " Not all are of one machine, version, day or set of seeds: see each." if len(machines + runs) > 2 else ""
    return (
        "<h1>Do hidden states cluster by task, and are the clusters used?</h1>\n"
        f"<p>A small GPT in NumPy, trained by backward passes written by hand, after {escape(PAPER)}. Each claim has "
        "its number over several seeds (median, and range in brackets), the controls that it had to beat, and what "
        "would have falsified it: rules that were settled while the experiments were developed, on seeds below 200. A "
        "claim holds if it does for every seed.</p>\n"
        f"<p class='fine'>Seeds {'; '.join(runs)}. {escape('; '.join(machines))}.{mixed}</p>"
    )


def _machine(environment):
    """Return what the numbers were computed with and when, in one line."""
    named = (("minicluster", "minicluster"), ("Python", "python"), ("NumPy", "numpy"), ("Numba", "numba"))
    facts = [f"{name} {environment[key]}" for name, key in named if environment.get(key)]
    facts += [f"{environment.get('system')} on {environment.get('machine')}"]
    facts += [f"{environment.get('processors')} processors", f"backend {environment.get('backend')}"]
    return ", ".join([*facts, str(environment.get("date"))])


def _claims_table(results):
    """One row for each verdict, grouped by claim."""
    rows = []
    for number, statement in STATEMENTS.items():
        found = [(name, v) for name, own in results.items() for v in own["verdicts"] if v["claim"] == number]
        if not found:
            row = f"<tr><th scope='row'>{number}</th><td>{escape(statement)}</td><td></td><td>not measured</td></tr>"
            rows.append(row)
        rows += [_claim_row(str(number), name, v) for name, v in found]
    others = [(name, v) for name, own in results.items() for v in own["verdicts"] if v["claim"] is None]
    rows += [_claim_row("besides", name, v) for name, v in others]
    return (
        f"<h2>In short</h2>\n{_open_table('Claims and verdicts')}"
        "<thead><tr><th scope='col'>claim</th><th scope='col'>statement</th><th scope='col'>number over seeds</th>"
        "<th scope='col'>verdict</th></tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )


def _claim_row(claim, experiment, verdict):
    return (
        f"<tr><th scope='row'>{claim}</th><td><a href='#{experiment}'>{escape(verdict['statement'])}</a></td>"
        f"<td>{escape(verdict['number_is'])}: {_number(verdict)}</td><td>{_word(verdict['holds'])}</td></tr>"
    )


def _section(results):
    """One experiment."""
    name = results["experiment"]
    parts = [f"<section id='{name}'>", f"<h2>{escape(results['title'])}</h2>"]
    if results["falsified_by"]:
        parts.append(f"<p><strong>What would have falsified it.</strong> {escape(results['falsified_by'])}</p>")
    for own in results["failed"]:
        parts.append(
            f"<p class='does-not-hold'>Failed and left out: seed {own['seed']}, {escape(own['training'])}: "
            f"{escape(own['message'])}</p>"
        )
    parts += [_verdict(verdict) for verdict in results["verdicts"]]
    parts += [f"<figure>{_image(picture)}</figure>" for picture in draw_experiment(results).values()]
    frames = frames_of(name)
    if frames is not None and (drawn := frames(results)):
        parts.append(_slider(drawn))
    return "\n".join([*parts, _configuration(results), "</section>"])


def _verdict(verdict):
    controls = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{spread_text(control)}</td>"
        f"<td>{_values(control['values'])}</td></tr>"
        for name, control in verdict["controls"].items()
    )
    return (
        f"<h3>{escape(verdict['statement'])}</h3>\n<p>{_word(verdict['holds'])}. Rule: {escape(verdict['rule'])}.</p>\n"
        f"{_open_table(verdict['statement'])}<thead><tr><th scope='col'>number</th><th scope='col'>median (range)</th>"
        "<th scope='col'>each seed</th></tr></thead>\n<tbody>"
        f"<tr><th scope='row'>{escape(verdict['number_is'])}</th><td>{_number(verdict)}</td>"
        f"<td>{_values(verdict['values'])}</td></tr>{controls}</tbody></table></div>"
    )


def _slider(frames):
    """The frames as one picture that a slider leads through; without scripts, the last of them."""
    last = len(frames) - 1
    images = "".join(
        _image(picture, f" data-step='{step}'" + ("" if i == last else " hidden"))
        for i, (step, picture) in enumerate(frames)
    )
    return (
        "<figure class='frames'><figcaption>Clusters forming: hidden states of the training strings, one recorded step "
        f"after the other.</figcaption>{images}<p class='control' hidden><label>training step "
        f"<input type='range' min='0' max='{last}' value='{last}' step='1'></label> "
        "<output></output></p></figure>"
    )


def _configuration(results):
    settings = ", ".join(f"{key} = {value}" for key, value in results["config"].items())
    trainings = "".join(
        f"<li>{escape(name)}: {escape(', '.join(f'{k} = {v}' for k, v in own.items()) or 'as above')}</li>"
        for name, own in results["trainings"].items()
    )
    return (
        f"<details><summary>Configuration: seeds {_listed(results['seeds'])}; the command took "
        f"{results['seconds']:.0f} seconds</summary>\n<p class='fine'>{escape(_machine(results['environment']))}</p>\n"
        f"<p class='fine'>{escape(settings)}</p>\n<p>Trainings of each seed, and what differs:</p>"
        f"<ul>{trainings}</ul></details>"
    )


def _paper_table(results):
    rows = []
    for number, (statement, listed, deviation) in DEVIATIONS.items():
        experiments = listed.split(", ")
        commands = "<br>".join(f"<code>minicluster experiment {name}</code>" for name in experiments)
        numbers = "<br>".join(
            f"{escape(v['number_is'])}: {_number(v)}, {WORDS[v['holds']]}"
            for own in results.values()
            for v in own["verdicts"]
            if v["claim"] == number and (number is not None or own["experiment"] in experiments)
        )
        rows.append(
            f"<tr><th scope='row'>{escape(statement)}</th><td>{commands}</td><td>{numbers or 'not measured'}</td>"
            f"<td>{escape(deviation)}</td></tr>"
        )
    return (
        f"<h2>The paper, statement by statement</h2>\n<p class='fine'>{escape(PAPER)}; statements in our words.</p>\n"
        f"{_open_table('Statements of the paper')}"
        "<thead><tr><th scope='col'>the paper's statement</th><th scope='col'>our command</th>"
        "<th scope='col'>our number</th><th scope='col'>our deviation</th></tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )


def _open_table(name):
    """Begin a table that can be scrolled, by keyboard too, where the screen is narrow."""
    return f"<div class='scroll' tabindex='0' role='region' aria-label=\"{escape(name, quote=True)}\"><table>\n"


def _image(picture, attributes=""):
    source = base64.b64encode(picture.png()).decode("ascii")
    return f'<img src="data:image/png;base64,{source}" alt="{escape(picture.alt, quote=True)}"{attributes}>'


def _number(verdict):
    interval = ""
    if verdict["interval"] is not None:
        interval = f", 95 % interval {verdict['interval'][0]:.2f} to {verdict['interval'][1]:.2f}"
    return escape(spread_text(verdict) + interval)


def _word(holds):
    word = WORDS[holds]
    return f"<span class='word {word.replace(' ', '-')}'>{word}</span>"


def _values(values):
    return ", ".join("-" if value is None else f"{round(value, 2) + 0:.2f}" for value in values)


def _listed(seeds):
    return ", ".join(map(str, seeds))
