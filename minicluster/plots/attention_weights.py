"""The picture of attention: which token listens to which."""

import numpy as np
from matplotlib import pyplot
from matplotlib.patches import Rectangle

from .picture import BLACK, GREY, RED, STYLE, WIDESCREEN, Picture

DARK = 0.55  # weights above this are written in white
FUTURE = "#e4e4e4"


@pyplot.rc_context(STYLE)
def draw_attention_weights(title, tokens, panels, wanted):
    """Draw tables of attention weights side by side, one row a query, one column a key, with the future greyed out.

    Parameters
    ----------
    title : str
    tokens : sequence of T str
        Their names, in order.
    panels : dict from str to (T, T) array
        A heading, and the weights, [query, key], causal: 0 where key > query.
    wanted : dict from int to int
        For some queries, the key that they should find. These cells are framed, and their weights written in.

    Returns
    -------
    Picture
    """
    T = len(tokens)
    figure, axes = pyplot.subplots(1, len(panels), figsize=WIDESCREEN, layout="constrained", squeeze=False)
    figure.suptitle(title, fontsize=21)
    said = []
    for axis, (heading, weights) in zip(axes[0], panels.items()):
        weights = np.asarray(weights, float)
        shown = np.ma.masked_where(~np.tri(T, dtype=bool), weights)
        image = axis.imshow(shown, cmap="Blues", vmin=0, vmax=1)
        axis.set_facecolor(FUTURE)
        axis.set_title(heading, fontsize=19, pad=12)
        for query, key in wanted.items():
            weight = weights[query, key]
            frame = {"fill": False, "edgecolor": RED, "linewidth": 3.5, "zorder": 3}
            axis.add_patch(Rectangle((key - 0.47, query - 0.47), 0.94, 0.94, **frame))
            colour = "white" if weight > DARK else BLACK
            axis.text(key, query, f"{weight:.2f}", color=colour, fontsize=17, ha="center", va="center", zorder=4)
        place = {"x": T - 0.75, "y": -0.25, "ha": "right", "va": "top"}
        axis.text(s="later tokens:\nhidden", fontsize=17, color=GREY, style="italic", linespacing=1.3, **place)
        axis.set_xticks(range(T), tokens, fontsize=18)
        axis.set_yticks(range(T), tokens, fontsize=18)
        for query in wanted:
            axis.get_yticklabels()[query].set(color=RED, fontweight="bold")
        axis.set_xticks(np.arange(0.5, T - 1), minor=True)
        axis.set_yticks(np.arange(0.5, T - 1), minor=True)
        axis.grid(False)
        axis.grid(True, which="minor", color="white", linewidth=1.5)
        axis.tick_params(which="both", length=0)
        axis.set_xlabel("key: the token that is asked", fontsize=17)
        for spine in axis.spines.values():
            spine.set_visible(False)
        found = [f"{tokens[query]} to {tokens[key]} {weights[query, key]:.2f}" for query, key in wanted.items()]
        said.append(f"{heading}: {', '.join(found)}")
    axes[0, 0].set_ylabel("query: the token that asks", fontsize=17)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label("attention weight", fontsize=17)
    bar.ax.tick_params(labelsize=15)
    bar.outline.set_visible(False)
    alt = (
        f"{title}. Attention weights of the sequence {' '.join(tokens)}, one row a query, one column a key; what is "
        f"above the diagonal is hidden. Framed, from top to bottom, the weight of each key that its query should find. "
        f"{'; '.join(said)}."
    )
    return Picture(figure, alt)
