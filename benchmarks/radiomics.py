"""How long radiomic features take, beside whatever other packages are installed.

    python benchmarks/radiomics.py
    python benchmarks/radiomics.py --peers ../peers/bin/python    # packages of another environment

CPU milliseconds per image of 256 × 192 pixels, region of about 9,000, 32 bins, one process, one
thread: median over the images. Each contender has a process of its own, and they take turns by
blocks of images in one run. Also: import, first call ever, first call from cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

for _variable in ("OMP", "OPENBLAS", "MKL", "NUMBA", "ITK_GLOBAL_DEFAULT_NUMBER_OF"):
    os.environ.setdefault(f"{_variable}_NUM_THREADS".replace("OF_NUM_", "OF_"), "1")

import bone_images  # noqa: E402

sys.path[:] = [
    folder for folder in sys.path if Path(folder or ".").resolve() != Path(__file__).parent
]
# else this file would stand in the way of the package `radiomics`, which is PyRadiomics

BLOCK = 20
"""Images that a contender computes before the next one has its turn."""

Contender = Callable[[Any, Any], int]
"""Computes the features of an image in a mask and returns how many there are."""


def _careloop() -> Contender:
    from careloop.imaging.radiomics import extract

    return lambda image, mask: len(extract(image, mask, bins=32))


def _careloop_wavelet() -> Contender:
    from careloop.imaging.measurement import Settings
    from careloop.imaging.measuring.filtering import filtered
    from careloop.imaging.radiomics import extract

    settings = Settings(wavelet="coif1", wavelet_levels=1)

    def run(image: Any, mask: Any) -> int:
        responses = filtered(image, mask, spacing_mm=(1.0, 1.0), settings=settings)
        return sum(len(extract(response, inside)) for _, response, inside in responses)

    return run


def _pyradiomics(*, wavelet: bool = False) -> Contender:
    import logging

    import radiomics.featureextractor as peer  # type: ignore[import-not-found]
    import SimpleITK as itk  # type: ignore[import-not-found]  # noqa: N813

    logging.getLogger("radiomics").setLevel(logging.ERROR)
    extractor = peer.RadiomicsFeatureExtractor(binCount=32, force2D=True, force2Ddimension=0)
    extractor.disableAllFeatures()
    for family in ("firstorder", "glcm", "glrlm", "glszm", "ngtdm", "gldm"):
        extractor.enableFeatureClassByName(family)
    if wavelet:
        extractor.enableImageTypeByName("Wavelet", customArgs={"wavelet": "coif1", "level": 1})

    def run(image: Any, mask: Any) -> int:
        found = extractor.execute(
            itk.GetImageFromArray(image[None]), itk.GetImageFromArray(mask[None].astype("uint8"))
        )
        return sum(not key.startswith("diagnostics") for key in found)

    return run


def _mirp() -> Contender:
    import mirp  # type: ignore[import-not-found]

    families = ["statistics", "intensity_histogram", "cm", "rlm", "szm", "dzm", "ngtdm", "ngldm"]

    def run(image: Any, mask: Any) -> int:
        (table,) = mirp.extract_features(
            image=image[None].astype(float),
            mask=mask[None].astype(int),
            image_modality="mr",
            by_slice=True,
            base_discretisation_method="fixed_bin_number",
            base_discretisation_n_bins=32,
            base_feature_families=families,
            num_cpus=1,
        )
        return sum(
            any(
                f"_{part}" in f"_{name}"
                for part in ("stat", "ih", "cm", "rlm", "szm", "dzm", "ngt", "ngl")
            )
            for name in table.columns
        )

    return run


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "careloop": _careloop,
    "pyradiomics": _pyradiomics,
    "mirp": _mirp,
    "careloop + wavelet": _careloop_wavelet,
    "pyradiomics + wavelet": lambda: _pyradiomics(wavelet=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200, help="how many images for ours")
    parser.add_argument("--slow-images", type=int, default=40, help="how many for the peers")
    parser.add_argument("--peers", type=Path, action="append", default=[], help="their python")
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    print_start()
    runners = list(start_all(arguments.peers))
    times: dict[str, list[float]] = {runner.name: [] for runner in runners}
    for first in range(0, arguments.images, BLOCK):
        for runner in runners:
            if runner.name.startswith("careloop") or first < arguments.slow_images:
                times[runner.name] += runner.run(first)
    print_table(runners, times)


# --- one contender in a process of its own


class Runner:
    """A contender that computes in another process and tells its CPU time."""

    def __init__(self, name: str, python: Path) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [str(python), __file__, "--serve", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._ask: IO[str] = self._process.stdin
        self._answers: IO[str] = self._process.stdout
        first = self._answer()
        self.ready, self.features = bool(first), int(first.get("features", 0))

    def run(self, first: int) -> list[float]:
        """CPU seconds for each image of a block."""
        self._ask.write(f"{first}\n")
        self._ask.flush()
        return list(self._answer()["cpu_s"])

    def _answer(self) -> dict[str, Any]:
        for line in self._answers:
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        return {}


def serve(name: str) -> None:
    """Answer for each number read from standard input how long the images from it on took."""
    compute = CONTENDERS[name]()
    features = compute(*bone_images.bone_image(0))
    print(json.dumps({"features": features}), flush=True)
    for line in sys.stdin:
        cases = [bone_images.bone_image(int(line) + number) for number in range(BLOCK)]
        seconds = []
        for image, mask in cases:
            start = time.process_time()
            compute(image, mask)
            seconds.append(time.process_time() - start)
        print(json.dumps({"cpu_s": seconds}), flush=True)


def start_all(peers: list[Path]) -> Iterator[Runner]:
    """Every contender that starts, in the first environment that has it."""
    for name in CONTENDERS:
        for python in [Path(sys.executable), *peers]:
            runner = Runner(name, python)
            if runner.ready:
                yield runner
                break
        else:
            print(f"{name}: not installed, left out")


# --- printing


def print_table(runners: list[Runner], times: dict[str, list[float]]) -> None:
    """Median, spread and the ratio to ours with the same filters."""
    print(f"{'':24}{'features':>9}{'CPU ms':>9}{'p10':>8}{'p90':>8}{'ratio':>8}")
    for runner in runners:
        own = "careloop + wavelet" if "wavelet" in runner.name else "careloop"
        median = statistics.median(times[runner.name])
        deciles = statistics.quantiles(times[runner.name], n=10)
        print(
            f"{runner.name:24}{runner.features:9}{1e3 * median:9.2f}{1e3 * deciles[0]:8.2f}"
            f"{1e3 * deciles[-1]:8.2f}{median / statistics.median(times[own]):8.1f}"
        )


_FIRST_CALL = (
    "import numpy as np; from careloop.imaging.radiomics import extract; "
    "extract(np.arange(400.0).reshape(20, 20), np.ones((20, 20)))"
)
_STARTS = (
    ("import", "import careloop.imaging.radiomics"),
    ("first call ever (compiles)", _FIRST_CALL),
    ("first call of a later process", _FIRST_CALL),
)


def print_start() -> None:
    """CPU seconds of a fresh interpreter, with an empty cache of compiled loops and a full one."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        empty = _cpu_s("pass", environment)
        for what, program in _STARTS:
            print(f"{what:36}{_cpu_s(program, environment) - empty:6.2f} s")


def _cpu_s(program: str, environment: dict[str, str]) -> float:
    before = os.times()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


if __name__ == "__main__":
    main()
