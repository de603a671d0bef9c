"""The step of scikit-learn: cloned, in a pipeline, in a cross-validation."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import (  # noqa: E402
    check_estimator_repr,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_transformer_get_feature_names_out,
)

from careloop.error import InputError, MissingExtra  # noqa: E402
from careloop.imaging.measuring.transformer import RadiomicsTransformer  # noqa: E402
from careloop.imaging.radiomics import extract  # noqa: E402

from .conftest import bone, image  # noqa: E402

IMAGES = np.stack([bone(seed)[0] for seed in range(6)])
GLCM = {"families": ("glcm",), "bins": 16, "spacing": (0.5, 0.5)}


def test_numbers_are_those_of_extract():
    step = RadiomicsTransformer(**GLCM)
    found = step.fit_transform(IMAGES)
    names = step.get_feature_names_out()
    assert found.shape == (6, 25) == (len(IMAGES), len(names))
    for row, pixels in zip(found, IMAGES, strict=True):
        wanted = extract(pixels, np.ones(pixels.shape), bins=16, families=("glcm",))
        assert list(row) == list(wanted.values())
        assert list(names) == [f"radiomics_{key}" for key in wanted]


@pytest.mark.parametrize(
    "check",
    [
        check_parameters_default_constructible,
        check_no_attributes_set_in_init,
        check_estimator_repr,
    ],
)
def test_common_checks_of_scikit_learn(check):
    check("RadiomicsTransformer", RadiomicsTransformer())


def test_feature_names_follow_the_settings():
    assert check_transformer_get_feature_names_out  # needs rows of features, not images
    few = RadiomicsTransformer(**GLCM, textures=("variogram",), wavelet="haar").fit(IMAGES)
    names = list(few.get_feature_names_out())
    assert len(names) == len(set(names)) == 25 * 5 + 8
    assert few.transform(IMAGES[:2]).shape == (2, len(names))


def test_clone_keeps_parameters_and_forgets_the_rest():
    step = RadiomicsTransformer(**GLCM).fit(IMAGES)
    other = clone(step)
    assert other.get_params() == step.get_params()
    assert not hasattr(other, "settings_")
    with pytest.raises(NotFittedError):
        other.transform(IMAGES)
    assert other.set_params(bins=8).fit(IMAGES).settings_.id != step.settings_.id


def test_it_works_in_a_pipeline_and_in_cross_validation():
    rough = [
        np.clip(pixels + np.random.default_rng(at).normal(0, 25 * (at % 2), pixels.shape), 0, 255)
        for at, pixels in enumerate([*IMAGES, *IMAGES])
    ]
    answer = np.arange(12) % 2
    model = make_pipeline(RadiomicsTransformer(**GLCM), StandardScaler(), LogisticRegression())
    assert cross_val_score(model, np.stack(rough), answer, cv=3).mean() == 1.0
    assert model.fit(rough, answer).predict(rough).tolist() == answer.tolist()


def test_images_pairs_and_stacks_of_several_sizes():
    small = bone(1, (64, 48))
    pairs = [(IMAGES[0], bone(0)[1]), small, image(2), (image(3), bone(3)[1])]
    found = RadiomicsTransformer(**GLCM).fit(pairs).transform(pairs)
    assert np.isfinite(found).all()
    bright = RadiomicsTransformer(**GLCM, mask="foreground").fit_transform(list(IMAGES))
    assert not np.allclose(bright, RadiomicsTransformer(**GLCM).fit_transform(IMAGES))


def test_polars_comes_out_where_it_is_asked_for():
    step = RadiomicsTransformer(**GLCM).set_output(transform="polars")
    assert step.fit_transform(IMAGES).columns == list(step.get_feature_names_out())


@pytest.mark.parametrize(
    ("parameters", "images", "said"),
    [
        ({"bins": 1}, IMAGES, "1 bins"),
        ({"families": ("x",)}, IMAGES, "no family"),
        ({"mask": "bone"}, IMAGES, "mask 'bone'"),
        ({}, [], "no sequence of images"),
        ({}, IMAGES[0], "no sequence of images"),
    ],
)
def test_wrong_parameters_are_refused_by_fit(parameters, images, said):
    with pytest.raises(InputError, match=said):
        RadiomicsTransformer(**parameters).fit(images)


def test_an_image_that_cannot_be_measured_is_named_by_its_place():
    step = RadiomicsTransformer(**GLCM).fit(IMAGES)
    with pytest.raises(InputError, match=r"X\[1\]"):
        step.transform([IMAGES[0], np.full((20, 20), np.nan)])


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    name = "careloop.imaging.measuring.transformer"
    monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtra, match="pip install scikit-learn"):
        importlib.import_module(name)
