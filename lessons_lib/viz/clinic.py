"""A patient's chart, and the key that names what ails it."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from torch import Tensor

from lessons_lib.viz.images import pictures
from lessons_lib.viz.look import COLOURS


def chart(x: Tensor, names, table: Mapping, columns, ax: Axes, title: str = "") -> Axes:
    """A patient's chart: strips of pictures x (rows, N, C, H, W), named, and beside them a table.

    table holds a row per name: its numbers, one for each of the columns, the first one bold. An
    empty table leaves all the room to the strips.
    """
    left, height = ax.inset_axes((0, 0, 0.53 if table else 1, 1)), x.shape[3]
    pictures(x.flatten(0, 1), left, cols=x.shape[1])
    for i, name in enumerate(names):
        place = -1, i * (height + max(1, height // 16)) + height / 2 - 0.5
        left.text(*place, name, ha="right", va="center", fontsize=10)
    tall, small = 1 / (len(table) + 1), {"fontsize": 9, "va": "center"}
    for row, (name, values) in enumerate({"": columns, **table}.items()):
        y = 1 - (row + 0.5) * tall
        ax.text(0.56, y, name, **small)
        for i, value in enumerate(values):
            said = value if isinstance(value, str) else f"{value:.2f}"
            at = 1 - 0.075 * (len(values) - 1 - i)
            ax.text(at, y, said, ha="right", fontweight="normal" if i else "bold", **small)
    ax.set_axis_off()
    ax.set_title(title, loc="left")
    return ax


def key(root, names: Mapping[str, str], ax: Axes, wide: float = 9.4) -> Axes:
    """A decision tree as a key: a line a question, its yes and no to the right or further down.

    root and its answers above and below have ask, statistic, limit, above, below; a str is a leaf.
    """
    looks = {"yes": {"color": COLOURS[0], "ls": "-"}, "no": {"color": COLOURS[1], "ls": "--"}}
    row, waiting = 0, [(root, 0, None, "")]
    while waiting:
        node, depth, before, word = waiting.pop()
        x, y = 0.42 * depth, -row
        if before is not None:  # a line down from the question before, and to the right
            down = [x - 0.36] * 2 + [x - 0.03], [before - 0.36, y - 0.08, y - 0.08]
            ax.plot(*down, linewidth=1.5, **looks[word])
            ax.text(x - 0.04, y + 0.08, word, ha="right", fontsize=8, color=looks[word]["color"])
        ax.text(x, y + 0.13, node.ask, va="center", fontsize=9)
        limit = f"{node.statistic} above {node.limit:g}"
        ax.text(x, y - 0.23, limit, va="center", fontsize=8, color="0.35")
        for word, answer, back in (("no", node.below, 1.3), ("yes", node.above, 3.1)):
            if isinstance(answer, str):
                said, box = f"{word}: {names[answer]}", {"boxstyle": "round", "fc": "white"}
                box |= {"ec": looks[word]["color"], "ls": looks[word]["ls"]}
                ax.text(wide - back, y, said, va="center", fontsize=9, fontweight="bold", bbox=box)
            else:
                waiting.append((answer, depth + 1, y, word))
        row += 1
    ax.set(xlim=(0, wide), ylim=(0.5 - row, 0.5))
    ax.set_axis_off()
    return ax
