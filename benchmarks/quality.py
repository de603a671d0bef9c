"""Quality checks on simulated forearms: how often each defect is found, and how often none is.

    python benchmarks/quality.py --phantoms 200

Every phantom has random side, direction, pixel size (iDXA, Prodigy, Horizon, Norland and 0.5 mm),
length, density, position, noise and a rotation within the limit. Each check is run on `phantoms`
of them with its defect and on as many without. Simulated pictures only: on real ones see the tests.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from careloop.imaging.phantom import defect
from careloop.imaging.phantom.forearm import ForearmPhantom, ForearmScan, simulate_forearm
from careloop.imaging.quality import CHECKS, check

SPACINGS = ((0.25, 0.3), (1.05, 0.6), (1.0, 0.49), (1.0, 1.0), (0.5, 0.5))
Rng = np.random.Generator
Views = ("map", "map, bones found", "picture")


@dataclass(frozen=True)
class Defect:
    """A defect, the check that should name it, and how to make it."""

    name: str
    key: str
    make: Callable[[Rng, int], ForearmPhantom]


def random_forearm(rng: Rng, number: int, **changes: float) -> ForearmPhantom:
    settings: dict[str, float] = {
        "rotation_deg": rng.uniform(-4, 4),
        "forearm_length_mm": rng.uniform(220, 280),
        "density_scale": rng.uniform(0.65, 1.15),
        "noise_g_cm2": rng.uniform(0.005, 0.05),
        "shift_mm": rng.uniform(-5, 5),
        "styloid_mm": rng.uniform(30, 48),
        **changes,
    }
    scan = ForearmScan(
        side="left" if rng.random() < 0.5 else "right",
        distal="up" if rng.random() < 0.5 else "down",
        spacing_mm=SPACINGS[number % len(SPACINGS)],
        **settings,  # type: ignore[arg-type]
    )
    return simulate_forearm(scan, rng=rng)


def _rotated(rng: Rng, number: int) -> ForearmPhantom:
    angle = rng.uniform(6, 15) * (1 if rng.random() < 0.5 else -1)
    return random_forearm(rng, number, rotation_deg=angle, shift_mm=0)


def _moved(low: float, high: float) -> Callable[[Rng, int], ForearmPhantom]:
    def make(rng: Rng, number: int) -> ForearmPhantom:
        phantom = random_forearm(rng, number)
        return defect.move(phantom, rng=rng, shift_mm=rng.uniform(low, high))

    return make


def _metal(kind: defect.MetalKind) -> Callable[[Rng, int], ForearmPhantom]:
    return lambda rng, number: defect.put_metal(random_forearm(rng, number), kind=kind, rng=rng)


def _cut(edge: defect.Edge) -> Callable[[Rng, int], ForearmPhantom]:
    return lambda rng, number: defect.truncate(random_forearm(rng, number), edge=edge)


def _saturated(rng: Rng, number: int) -> ForearmPhantom:
    return defect.saturate(random_forearm(rng, number), share=rng.uniform(0.03, 0.3))


DEFECTS = (
    Defect("rotation 6-15°", "rotation", _rotated),
    Defect("mirrored", "side", lambda rng, n: defect.flip(random_forearm(rng, n))),
    Defect("motion 1.5-2.5 mm", "motion", _moved(1.5, 2.5)),
    Defect("motion 2.5-5 mm", "motion", _moved(2.5, 5.0)),
    Defect("watch", "metal", _metal("watch")),
    Defect("bracelet", "metal", _metal("bracelet")),
    Defect("plate", "metal", _metal("plate")),
    Defect("ring", "jewellery", _metal("ring")),
    Defect("3-30 % clipped", "saturation", _saturated),
    Defect("cut distally", "field_of_view", _cut("distal")),
    Defect("cut at the radius", "field_of_view", _cut("radial")),
    Defect("cut at the ulna", "field_of_view", _cut("ulnar")),
    Defect("cut proximally", "missing_regions", _cut("proximal")),
    Defect("noise 0.35 g/cm²", "noise", lambda rng, n: random_forearm(rng, n, noise_g_cm2=0.35)),
)


def outcomes(phantom: ForearmPhantom) -> Iterator[tuple[str, dict[str, str]]]:
    """For each view of a phantom the outcome of each check."""
    length = phantom.truth.scan.forearm_length_mm
    views = (
        (Views[0], phantom.image(), phantom.labels),
        (Views[1], phantom.image(), None),
        (Views[2], phantom.picture(), phantom.labels),
    )
    for name, image, labels in views:
        report = check(image, labels=labels, forearm_length_mm=length)
        yield name, {one.key: one.outcome for one in report.checks}


def rates(
    make: Callable[[Rng, int], ForearmPhantom], *, phantoms: int, seed: int
) -> dict[str, Counter[tuple[str, str]]]:
    """For each view how often each check had each outcome."""
    rng = np.random.default_rng(seed)
    counts: dict[str, Counter[tuple[str, str]]] = {view: Counter() for view in Views}
    for number in range(phantoms):
        for view, found in outcomes(make(rng, number)):
            counts[view].update(found.items())
    return counts


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--phantoms", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    start = time.perf_counter()
    print(f"{'defect':22} {'check':16} " + " ".join(f"{view:>24}" for view in Views))
    for number, one in enumerate(DEFECTS):
        counts = rates(one.make, phantoms=chosen.phantoms, seed=chosen.seed + number)
        cells = [_cell(counts[view], one.key, chosen.phantoms) for view in Views]
        print(
            f"{one.name:22} {one.key:16} " + " ".join(f"{cell:>24}" for cell in cells), flush=True
        )
    counts = rates(random_forearm, phantoms=chosen.phantoms, seed=chosen.seed + 1000)
    print("\nno defect: false alarms (specificity = 1 - rate)")
    for key in (make.__name__ for make in CHECKS):
        cells = [_cell(counts[view], key, chosen.phantoms) for view in Views]
        print(f"{'none':22} {key:16} " + " ".join(f"{cell:>24}" for cell in cells))
    print(f"\n{chosen.phantoms} simulated forearms a row, {time.perf_counter() - start:.0f} s")


def _cell(counts: Counter[tuple[str, str]], key: str, total: int) -> str:
    """Share that failed, and the share not checked where there is one."""
    failed, unknown = counts[key, "failed"] / total, counts[key, "not_checked"] / total
    return f"{failed:.3f}" + (f" ({unknown:.3f} unchecked)" if unknown else "")


if __name__ == "__main__":
    main()
