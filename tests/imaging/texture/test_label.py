"""Every texture feature has one key, a unit and a name in both languages; imports stay light."""

import importlib
import subprocess
import sys

import pytest

ROOMS = ("local_binary_pattern", "variogram", "hurst", "lacunarity", "density")


def features():
    return [
        label
        for room in ROOMS
        for label in importlib.import_module(f"careloop.imaging.texture.{room}").FEATURES
    ]


def test_keys_are_unique_and_labels_complete():
    found = features()
    assert len({label.key for label in found}) == len(found) == 48
    for label in found:
        assert label.key.isascii()
        assert label.key == label.key.lower()
        assert label.unit in {"1", "deg", "{grey}", "{grey}/mm"}
        assert label.zh
        assert label.en
        assert any("\u4e00" <= sign <= "\u9fff" for sign in label.zh)
        assert "TBS" not in label.en


@pytest.mark.parametrize("unit", ["zh", "en"])
def test_names_are_unique(unit):
    names = [getattr(label, unit) for label in features()]
    assert len(set(names)) == len(names)


def test_imports_load_nothing_heavy():
    program = (
        "import sys\nimport careloop.imaging.filter_bank, careloop.imaging.phantom.surface\n"
        + "".join(f"import careloop.imaging.texture.{room}\n" for room in ROOMS)
        + "print(*sorted(name.partition('.')[0] for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert {"numba", "scipy", "skimage", "pywt"}.isdisjoint(done.stdout.split())
