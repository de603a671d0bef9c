"""Pre-processing: denoise, normalise, mask artefacts, straighten, calibrate; each step recorded.

image, step = median(image, size_px=3)

pipeline = Pipeline.from_toml(text)
result = pipeline.apply(image, mask)      # result.image, result.mask, result.steps
Pipeline(result.steps).apply(image, mask) # the same again
"""

from __future__ import annotations

from careloop.imaging.preprocessing.artefact import exclude_artefacts
from careloop.imaging.preprocessing.calibration import (
    Calibration,
    DeviceEquation,
    ReferenceDistribution,
    calibrate,
    convert_device,
    fit_phantom,
    learn_distribution,
    match_distribution,
)
from careloop.imaging.preprocessing.contrast import clahe, equalise, percentile_scale, z_score
from careloop.imaging.preprocessing.denoising import (
    median,
    non_local_means,
    total_variation,
    wavelet_shrinkage,
)
from careloop.imaging.preprocessing.orientation import (
    mirror_mask,
    resample,
    resample_mask,
    rotate_mask,
    rotate_upright,
    to_side,
)
from careloop.imaging.preprocessing.pipeline import OPERATIONS, Pipeline, Preprocessed
from careloop.imaging.preprocessing.step import Step

__all__ = [
    "OPERATIONS",
    "Calibration",
    "DeviceEquation",
    "Pipeline",
    "Preprocessed",
    "ReferenceDistribution",
    "Step",
    "calibrate",
    "clahe",
    "convert_device",
    "equalise",
    "exclude_artefacts",
    "fit_phantom",
    "learn_distribution",
    "match_distribution",
    "median",
    "mirror_mask",
    "non_local_means",
    "percentile_scale",
    "resample",
    "resample_mask",
    "rotate_mask",
    "rotate_upright",
    "to_side",
    "total_variation",
    "wavelet_shrinkage",
    "z_score",
]
