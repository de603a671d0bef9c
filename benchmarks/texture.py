"""How long texture features and filters take, beside a plain way of computing the same.

    python benchmarks/texture.py
    python benchmarks/texture.py --images 50

CPU milliseconds per image of 256 × 192 pixels, region of about 9,000, one process, one thread:
median over the images. The plain way answers the same question with scikit-image, PyWavelets,
SciPy or straightforward NumPy on the whole image; it runs interleaved with ours, on fewer images.
Also: how close the Hurst exponent of exact surfaces is found, and the cost of the first call.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

for _variable in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{_variable}_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import pywt  # noqa: E402
from numpy.lib.stride_tricks import sliding_window_view  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy.linalg import solve_toeplitz  # noqa: E402
from scipy.ndimage import gaussian_laplace  # noqa: E402
from skimage.feature import local_binary_pattern as patterns  # noqa: E402
from skimage.filters import gabor as filtered  # noqa: E402

from bone_images import bone_image  # noqa: E402
from careloop.imaging.filter_bank import gabor, laplacian_of_gaussian, wavelet  # noqa: E402
from careloop.imaging.phantom.surface import fractional_brownian_surface  # noqa: E402
from careloop.imaging.texture.density import density_distribution  # noqa: E402
from careloop.imaging.texture.hurst import hurst  # noqa: E402
from careloop.imaging.texture.lacunarity import lacunarity  # noqa: E402
from careloop.imaging.texture.local_binary_pattern import local_binary_pattern  # noqa: E402
from careloop.imaging.texture.variogram import variogram_slope  # noqa: E402

Image = NDArray[Any]
Compute = Callable[[Image, Image], object]


# --- the plain ways


def plain_local_binary_pattern(image: Image, mask: Image) -> object:
    return np.bincount(patterns(image, 8, 1, "uniform")[mask].astype(int), minlength=10)


def plain_variogram(image: Image, mask: Image) -> object:
    grey = np.where(mask, image.astype(float), np.nan)
    gamma = [
        np.nanmean(apart**2) / 2
        for lag in (1, 2, 3, 4)
        for apart in (
            grey[:, lag:] - grey[:, :-lag],
            grey[lag:, lag:] - grey[:-lag, :-lag],
            grey[lag:] - grey[:-lag],
            grey[lag:, :-lag] - grey[:-lag, lag:],
        )
    ]
    return np.polyfit(np.log(np.repeat([1, 2, 3, 4], 4)), np.log(gamma), 1)[0]


def plain_lacunarity(image: Image, mask: Image) -> object:
    found = []
    for size in (2, 4, 8, 16):
        full = sliding_window_view(mask, (size, size)).all(axis=(2, 3))
        mass = sliding_window_view(image, (size, size)).sum(axis=(2, 3))[full]
        found.append(np.mean(mass**2) / np.mean(mass) ** 2)
    return found


def plain_density(image: Image, mask: Image) -> object:
    grey = image[mask]
    down, right = np.gradient(image.astype(float))
    blocks = [
        image[y : y + 5, x : x + 5][mask[y : y + 5, x : x + 5]].mean()
        for y in range(0, image.shape[0], 5)
        for x in range(0, image.shape[1], 5)
        if mask[y : y + 5, x : x + 5].mean() >= 0.5
    ]
    return (
        np.histogram(grey, 10),
        np.mean(grey > grey.mean() + grey.std()),
        np.hypot(down, right)[mask].mean(),
        np.std(blocks) / np.mean(blocks),
    )


def plain_hurst(image: Image, mask: Image) -> object:
    """Only 2 of 36 directions: rows and columns, one Cholesky factor for each line and H."""
    found = []
    for grey, inside in ((image, mask), (image.T, mask.T)):
        lines = [
            np.diff(row[at : at + 17].astype(float))
            for row, there in zip(grey, inside, strict=True)
            for at in range(0, row.size - 17, 16)
            if there[at : at + 17].all()
        ]
        best = (-np.inf, 0.0)
        k = np.arange(16.0)
        for h in np.linspace(0.02, 0.98, 49):
            r = 0.5 * ((k + 1) ** (2 * h) - 2 * k ** (2 * h) + np.abs(k - 1) ** (2 * h))
            determinant = np.linalg.slogdet(r[np.abs(np.subtract.outer(k, k)).astype(int)])[1]
            square = sum(line @ solve_toeplitz(r, line) for line in lines)
            size = 16 * len(lines)
            likelihood = -0.5 * (size * np.log(square / size) + len(lines) * determinant)
            best = max(best, (likelihood, h))
        found.append(best[1])
    return found


def plain_wavelet(image: Image, mask: Image) -> object:  # noqa: ARG001
    return pywt.swt2(image, "coif1", 1)


def plain_laplacian(image: Image, mask: Image) -> object:  # noqa: ARG001
    return gaussian_laplace(image.astype(float), 2.0)


def plain_gabor(image: Image, mask: Image) -> object:  # noqa: ARG001
    return np.hypot(*filtered(image, 0.25, sigma_x=3.0, sigma_y=3.0, n_stds=5))


# --- the run

PAIRS: dict[str, tuple[Compute, Compute, int]] = {
    "local binary pattern": (local_binary_pattern, plain_local_binary_pattern, 50),
    "variogram": (variogram_slope, plain_variogram, 50),
    "lacunarity": (lacunarity, plain_lacunarity, 50),
    "density distribution": (density_distribution, plain_density, 50),
    "Hurst, 36 directions": (hurst, plain_hurst, 3),
    "wavelet coif1, 1 level": (lambda image, mask: wavelet(image), plain_wavelet, 50),  # noqa: ARG005
    "Laplacian of Gaussian": (
        lambda image, mask: laplacian_of_gaussian(image, sigma_mm=2.0),  # noqa: ARG005
        plain_laplacian,
        50,
    ),
    "Gabor": (
        lambda image, mask: gabor(image, sigma_mm=3.0, wavelength_mm=4.0),  # noqa: ARG005
        plain_gabor,
        5,
    ),
}
FOUR = ("local binary pattern", "variogram", "lacunarity", "density distribution")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--surfaces", type=int, default=20)
    chosen = parser.parse_args()
    print_start()
    print_times(chosen.images)
    print_surfaces(chosen.surfaces)


def print_times(images: int) -> None:
    ours: dict[str, list[float]] = {name: [] for name in PAIRS}
    plain: dict[str, list[float]] = {name: [] for name in PAIRS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-image warns about floating-point images
        for compute, other, _ in PAIRS.values():
            compute(*bone_image(0)), other(*bone_image(0))  # compiled, loaded
        for number in range(images):
            image, mask = bone_image(number)
            for name, (compute, other, few) in PAIRS.items():
                ours[name].append(_cpu_ms(compute, image, mask))
                if number < few:
                    plain[name].append(_cpu_ms(other, image, mask))
    print(f"\n{'CPU ms per image':24}{'ours':>8}{'p10':>8}{'p90':>8}{'plain':>10}{'ratio':>8}")
    for name, times in ours.items():
        median, deciles = statistics.median(times), statistics.quantiles(times, n=10)
        other_ms = statistics.median(plain[name])
        print(
            f"{name:24}{median:8.2f}{deciles[0]:8.2f}{deciles[-1]:8.2f}{other_ms:10.2f}"
            f"{other_ms / median:8.1f}"
        )
    together = [sum(times) for times in zip(*(ours[name] for name in FOUR), strict=True)]
    print(f"{'the first four together':24}{statistics.median(together):8.2f}")


def _cpu_ms(compute: Compute, image: Image, mask: Image) -> float:
    start = time.process_time()
    compute(image, mask)
    return 1e3 * (time.process_time() - start)


def print_surfaces(number: int) -> None:
    """Mean and standard deviation of H over exact surfaces."""
    print(f"\n{'H found':24}{'variogram':>18}{'maximum likelihood':>22}")
    square = np.ones((256, 256), bool)
    for exponent in (0.3, 0.5, 0.7):
        rng = np.random.default_rng(2026)
        found: dict[str, list[tuple[float, float]]] = {"256 × 256": [], "ellipse, 9,000 px": []}
        for case in range(number):
            surface = fractional_brownian_surface(256, exponent, rng=rng)
            for name, grey, mask in (
                ("256 × 256", surface, square),
                ("ellipse, 9,000 px", surface[:, :192], bone_image(case)[1]),
            ):
                by_variogram = variogram_slope(grey, mask)["variogram_hurst"]
                found[name].append((by_variogram, hurst(grey, mask)["hurst_mean"]))
        for name, pairs in found.items():
            mean, sd = np.mean(pairs, axis=0), np.std(pairs, axis=0, ddof=1)
            told = f"H = {exponent}, {name}"
            print(f"{told:24}{mean[0]:10.3f} ± {sd[0]:.3f}{mean[1]:14.3f} ± {sd[1]:.3f}")


# --- the first call

_CALLS = (
    "import numpy as np; from careloop.imaging.texture.hurst import hurst; "
    "from careloop.imaging.filter_bank import wavelet; grey = np.eye(64); "
    "hurst(grey, grey < 2); wavelet(grey)"
)
_STARTS = (
    ("import of all texture modules", "import careloop.imaging.texture.hurst"),
    ("import numba", "import numba"),
    ("first calls ever (compile)", _CALLS),
    ("first calls of a later process", _CALLS),
)


def print_start() -> None:
    """CPU seconds of a fresh interpreter, with an empty cache of compiled loops and a full one."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        empty = _cpu_s("pass", environment)
        for what, program in _STARTS:
            print(f"{what:32}{_cpu_s(program, environment) - empty:6.2f} CPU s")


def _cpu_s(program: str, environment: dict[str, str]) -> float:
    before = os.times()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


if __name__ == "__main__":
    main()
