"""Our U-Net beside diffusers' of similar size: pictures a second, and quality at equal cost."""

import statistics
import time
from functools import partial

import torch
from torch import Tensor, nn

from lessons_lib import data, learn, metrics
from lessons_lib.course.bench.timing import diffusers, ratio, take_turns
from lessons_lib.course.recipes.record import first_weights
from lessons_lib.course.recipes.shapes import SHAPES, VALUES, shape_batches, shape_denoiser
from lessons_lib.guards import seeded
from lessons_lib.levels import cosine, grid
from lessons_lib.nets import Attributes, level_angle
from lessons_lib.samplers import ddim, sample
from lessons_lib.wrap import cfg, given


class TheirNet(nn.Module):
    """diffusers' UNet2DModel, told the attributes the way ours is: a table, added to the time."""

    def __init__(self, widths=(32, 64, 96)):
        super().__init__()
        self.attribute = Attributes(VALUES, 4 * widths[0])
        self.net = diffusers().UNet2DModel(
            sample_size=32,
            in_channels=3,
            out_channels=3,
            layers_per_block=1,
            block_out_channels=widths,
            down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            norm_num_groups=16,
            class_embed_type="identity",
        )

    def forward(self, x: Tensor, t, c: Tensor | None = None) -> Tensor:
        told = self.attribute(c, x)
        return self.net(x, 1000 * level_angle(x, t), class_labels=told).sample


def denoisers() -> dict[str, learn.NetDenoiser]:
    """Both, untrained, with first weights of their own seed."""
    with first_weights(SHAPES.seed):
        return {"theirs": learn.NetDenoiser(TheirNet(), SHAPES.predicts), "ours": shape_denoiser()}


def network_speed(repeats: int = 5, n: int = 64) -> list[str]:
    """Pictures of 3×32×32 a second, float32: DDIM steps of a batch, and training steps."""
    lines = [
        f"| batch {n} | diffusers' UNet2DModel, pictures/s | ours | ours / theirs |",
        "|---|---|---|---|",
    ]
    both = denoisers()
    count = {k: sum(p.numel() for p in v.parameters()) / 1e6 for k, v in both.items()}
    lines.append(
        f"| weights, millions | {count['theirs']:.2f} | {count['ours']:.2f} "
        f"| {count['ours'] / count['theirs']:.2f} |"
    )
    drawn = data.shapes(n, seeded(0))
    ladder, steps = grid(cosine, 4), 4
    walks = {
        side: partial(sample, ddim, given(each.eval(), drawn.attributes), drawn.pictures, ladder)
        for side, each in both.items()
    }
    batch = lambda step, generator: (drawn.pictures, drawn.attributes)
    trains = {}
    for side, each in both.items():
        options = {"weight": learn.clipped_v(SHAPES.gamma), "progress": False}
        trains[side] = partial(learn.fit, each, batch, cosine, 2, seeded(1), **options)
    for what, sides, done in (
        ("sampling, a step", walks, steps * n),
        ("training, a step", trains, 2 * n),
    ):
        seconds = take_turns(sides, repeats)
        speed = {side: done / statistics.median(v) for side, v in seconds.items()}
        share = 1 / ratio(seconds["ours"], seconds["theirs"])
        lines.append(f"| {what} | {speed['theirs']:.0f} | {speed['ours']:.0f} | {share:.1f} |")
    return [*lines, "", *_peak_share(both["ours"], drawn, n)]


WORK = {  # what a network does besides convolving, by the names of torch's operations
    "normalisation": ("aten::native_group_norm",),
    "SiLU": ("aten::silu",),
    "scale and shift": ("aten::addcmul",),
    "joining, copying": ("aten::cat", "aten::copy_"),
    "attention, linear layers": ("aten::bmm", "aten::addmm", "aten::_softmax"),
}


def _peak_share(denoiser, drawn, n: int) -> list[str]:
    """Where the network's time goes, and how near it comes to the machine's best convolution."""
    run = torch.no_grad()(lambda: denoiser(drawn.pictures, cosine(0.5), drawn.attributes))
    conv = nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last).eval()
    x = torch.randn(n, 64, 16, 16, generator=seeded(0)).to(memory_format=torch.channels_last)
    best = torch.no_grad()(partial(conv, x))
    seconds = take_turns({"net": run, "conv": best}, 9)
    net, peak = (
        operations(f) / statistics.median(seconds[side]) / 1e9
        for side, f in (("net", run), ("conv", best))
    )
    total = operations(run)
    lines = [
        "| in a step of sampling | share of the time | of the operations "
        "| speed, of the best convolution's |",
        "|---|---|---|---|",
    ]
    for what, (share, done) in profiled(run).items():
        cells = [what, f"{share:.0%}", "", ""]
        if done:
            cells[2:] = f"{done / total:.0%}", f"{done / total / share * net / peak:.0%}"
        lines.append(f"| {' | '.join(cells)} |")
    return [
        *lines,
        "",
        f"One picture costs our network {total / n / 1e6:.0f} million operations. It does "
        f"{net:.0f} of them a nanosecond in a step of sampling, against {peak:.0f} of one 3×3 "
        f"convolution of 64 channels on this machine: {net / peak:.0%} of that.",
    ]


def operations(run) -> int:
    """How many multiplications and additions a call costs."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def profiled(run, repeats: int = 5) -> dict[str, tuple[float, float]]:
    """What a call does: kind -> its share of the time, and the operations of its convolutions."""
    run()
    cpu = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=cpu, record_shapes=True) as seen:
        for _ in range(repeats):
            run()
    found: dict[str, tuple[float, float]] = {}
    events = seen.key_averages(group_by_input_shape=True)
    whole = sum(event.self_cpu_time_total for event in events)
    for event in sorted(events, key=lambda event: -event.self_cpu_time_total):
        kind, done = _kind(event.key, event.input_shapes)
        share, before = found.get(kind, (0.0, 0.0))
        share += event.self_cpu_time_total / whole
        found[kind] = share, before + done * event.count / repeats
    return dict(sorted(found.items(), key=lambda item: (item[1][1] == 0, -item[1][0])))


def _kind(name: str, shapes: list) -> tuple[str, float]:
    """What kind of work one of torch's operations is; and its operations, for a convolution."""
    if "conv" not in name or [len(shape) for shape in shapes[:2]] != [4, 4]:
        return next((kind for kind, names in WORK.items() if name in names), "all else"), 0
    (n, _, high, wide), (leave, enter, k, _) = shapes[:2]
    done = 2 * n * high * wide * enter * leave * k * k if name == "aten::conv2d" else 0
    if k == 1:
        return "convolutions, 1×1", done
    if min(enter, leave) < 32:
        return "convolutions, 3×3, from or to fewer than 32 channels", done
    return f"convolutions, 3×3, on {high}×{wide} places", done


def equal_time(budget: float = 150.0, n: int = 500, steps: int = 20) -> list[str]:
    """Quality after the same processor time: both networks, one recipe, one stream of data.

    Each trains for 150 seconds of processor time, with the learning rate of the shapes recipe and
    as many steps as it manages; then the judge reads what it draws with DDIM in 20 steps.
    """
    lines = [
        "| after 150 s of processor time | steps | captions right, w = 1 | w = 3 "
        "| Fréchet distance of blocks, w = 1 |",
        "|---|---|---|---|---|",
    ]
    judge, generator = learn.load("shapes_judge"), seeded(5)
    real, asked = data.shapes(n, generator), data.choose(n, generator)
    x = torch.randn(n, 3, 32, 32, generator=generator)
    for side, denoiser in denoisers().items():
        run = partial(
            learn.train,
            denoiser,
            shape_batches(SHAPES.batch),
            cosine,
            generator=seeded(1),
            lr=SHAPES.lr,
            drop=SHAPES.drop,
            weight=learn.clipped_v(SHAPES.gamma),
        )
        done = _within(run, budget)
        row = [side.replace("theirs", "diffusers' UNet2DModel"), str(done.step)]
        for w in (1, 3):
            drawn = sample(ddim, cfg(done.denoiser, asked, w), x, grid(cosine, steps))
            row.append(f"{float(metrics.fidelity(judge.read(drawn), asked)[-1]):.3f}")
            if w == 1:
                distance = metrics.frechet(metrics.coarse(drawn), metrics.coarse(real.pictures))
        lines.append(f"| {' | '.join([*row, f'{distance:.2f}'])} |")
    return lines


def _within(run, budget: float) -> learn.Progress:
    """Train for so many seconds of processor time; the schedule of the rate is cut to fit.

    A few steps tell how many fit into the budget, and those decide when the rate reaches 0.
    """
    start = time.process_time()
    for now in run(steps=10**6):
        if now.step == 5:
            start = time.process_time()  # the first steps are slow
        if now.step == 25:
            break
    each = (time.process_time() - start) / 20
    for now in run(steps=max(26, int(budget / each))):
        pass
    return now
