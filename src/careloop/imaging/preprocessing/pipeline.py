"""Steps in a row: read from TOML or a mapping, applied, written down, applied again alike."""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from careloop.error import ConfigError
from careloop.imaging.image import Image, Mask
from careloop.imaging.preprocessing import calibration as calibrating
from careloop.imaging.preprocessing import contrast, denoising, orientation
from careloop.imaging.preprocessing.artefact import exclude_artefacts
from careloop.imaging.preprocessing.step import Setting, Step

Operation = Callable[..., "tuple[Image, Mask | None, Step]"]


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """What a pipeline gives: the image, the mask on it, and the steps as they were done."""

    image: Image
    mask: Mask | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps in a row.

    Examples
    --------
    >>> pipeline = Pipeline.from_toml('''
    ... [[step]]
    ... name = "median"
    ... size_px = 5
    ... ''')
    >>> pipeline.steps[0].settings
    {'size_px': 5.0}
    >>> Pipeline.from_json(pipeline.to_json()) == pipeline
    True
    """

    steps: tuple[Step, ...] = ()

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> Pipeline:
        """A pipeline from `{"step": [{"name": …, setting: …}, …]}`; `software` may be given.

        Raises
        ------
        ConfigError
            With the step and what is wrong about it.
        """
        entries = content.get("step", [])
        if set(content) - {"step"} or not isinstance(entries, list):
            raise ConfigError(
                "a pipeline holds a list `step` and nothing else", remedy="write [[step]] entries"
            )
        return cls(tuple(_read_step(n, entry) for n, entry in enumerate(entries, start=1)))

    @classmethod
    def from_toml(cls, text: str) -> Pipeline:
        """A pipeline from TOML: `[[step]]`, `name = …`, settings."""
        try:
            return cls.from_mapping(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"no TOML: {error}", remedy="correct the file") from error

    @classmethod
    def from_json(cls, text: str) -> Pipeline:
        """A pipeline from what `to_json` wrote."""
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"no JSON: {error}", remedy="correct the text") from error
        if not isinstance(content, dict):
            raise ConfigError("no mapping", remedy="write it with to_json")
        return cls.from_mapping(content)

    def to_mapping(self) -> dict[str, list[dict[str, Setting]]]:
        """The same as a mapping, software included."""
        entries = [
            {"name": step.name, "software": step.software, **step.settings} for step in self.steps
        ]
        return {"step": entries}

    def to_json(self) -> str:
        """The same as JSON with sorted keys."""
        return json.dumps(self.to_mapping(), sort_keys=True, ensure_ascii=False, allow_nan=False)

    def apply(self, image: Image, mask: Mask | None = None) -> Preprocessed:
        """The image after all steps, the mask on it, and the steps with what they found.

        A pipeline of the steps returned, applied to the same image, gives the same again: an angle
        that was found is in its step.

        Raises
        ------
        InputError
            Of the step that cannot be done on this image.
        """
        done: list[Step] = []
        for step in self.steps:
            image, mask, written = OPERATIONS[step.name](image, mask, **step.settings)
            done.append(written)
        return Preprocessed(image, mask, tuple(done))


def _read_step(number: int, entry: object) -> Step:
    where = f"step {number}"
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ConfigError("a step without a name", where=where, remedy='write name = "median"')
    settings = {key: value for key, value in entry.items() if key not in {"name", "software"}}
    name = entry["name"]
    if name not in OPERATIONS:
        raise ConfigError(
            f"no step {name!r}", where=where, remedy="steps are " + ", ".join(sorted(OPERATIONS))
        )
    known = list(inspect.signature(OPERATIONS[name]).parameters)[2:]
    needed = [
        key
        for key in known
        if inspect.signature(OPERATIONS[name]).parameters[key].default is inspect.Parameter.empty
    ]
    unknown = sorted(set(settings) - set(known))
    missing = sorted(set(needed) - set(settings))
    if unknown or missing:
        problem = f"unknown settings {unknown}" if unknown else f"missing settings {missing}"
        raise ConfigError(
            f"{name}: {problem}", where=where, remedy="settings are " + (", ".join(known) or "none")
        )
    for key, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ConfigError(
                f"{name}: {key} is a {type(value).__name__}",
                where=where,
                remedy="settings are numbers or texts",
            )
    plain = {k: v if isinstance(v, str) else float(v) for k, v in settings.items()}
    software = entry.get("software")
    return Step(name, plain, software) if isinstance(software, str) else Step(name, plain)


# --- operations: image and mask in, image and mask out


def _of_image(function: Callable[..., tuple[Image, Step]]) -> Operation:
    """A step that looks at the image only; its settings are the function's own."""

    def run(image: Image, mask: Mask | None, **settings: Any) -> tuple[Image, Mask | None, Step]:
        changed, step = function(image, **settings)
        return changed, mask, step

    return _with_settings(run, function)


def _of_both(function: Callable[..., tuple[Image, Step]]) -> Operation:
    """A step whose numbers come from inside the mask."""

    def run(image: Image, mask: Mask | None, **settings: Any) -> tuple[Image, Mask | None, Step]:
        changed, step = function(image, mask=mask, **settings)
        return changed, mask, step

    return _with_settings(run, function)


def _with_settings(run: Operation, function: Callable[..., Any]) -> Operation:
    """Show the settings of `function` in the signature of `run`."""
    parameters = inspect.signature(function).parameters.values()
    kinds = inspect.Parameter
    shown = [
        kinds("image", kinds.POSITIONAL_OR_KEYWORD),
        kinds("mask", kinds.POSITIONAL_OR_KEYWORD),
        *(one for one in parameters if one.name not in {"image", "mask"}),
    ]
    run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    return run


def _resample(
    image: Image, mask: Mask | None, *, spacing_mm: float
) -> tuple[Image, Mask | None, Step]:
    changed, step = orientation.resample(image, spacing_mm=spacing_mm)
    if mask is not None:
        mask = orientation.resample_mask(mask, from_mm=image.in_plane_mm, spacing_mm=spacing_mm)
    return changed, mask, step


def _rotate(
    image: Image, mask: Mask | None, *, angle_deg: float | None = None
) -> tuple[Image, Mask | None, Step]:
    changed, step = orientation.rotate_upright(image, mask=mask, angle_deg=angle_deg)
    if mask is not None:
        angle = float(step.settings["angle_deg"])
        mask = orientation.rotate_mask(mask, spacing_mm=image.in_plane_mm, angle_deg=angle)
    return changed, mask, step


def _mirror(
    image: Image, mask: Mask | None, *, side: str = "left", from_side: str = ""
) -> tuple[Image, Mask | None, Step]:
    if from_side and from_side != image.side:
        raise ConfigError(
            f"the step was written for a {from_side} side, the image shows the {image.side}",
            where=image.origin.name,
            remedy="leave from_side out",
        )
    changed, step = orientation.to_side(image, side=side)  # type: ignore[arg-type]
    if mask is not None:
        mask = orientation.mirror_mask(mask, mirrored=changed.side != image.side)
    return changed, mask, step


def _exclude(
    image: Image, mask: Mask | None, *, margin_mm: float = 2.0
) -> tuple[Image, Mask | None, Step]:
    if mask is None:
        raise ConfigError(
            "exclude_artefacts needs a mask", where=image.origin.name, remedy="give the bone's mask"
        )
    left, step = exclude_artefacts(image, mask, margin_mm=margin_mm)
    return image, left, step


def _of_value(
    function: Callable[..., tuple[Image, Step]], name: str, value: type[Any]
) -> Operation:
    """A step whose settings are the fields of one value, such as a `Calibration`."""
    masked = "mask" in inspect.signature(function).parameters

    def run(image: Image, mask: Mask | None, **settings: Any) -> tuple[Image, Mask | None, Step]:
        extra = {"mask": mask} if masked else {}
        changed, step = function(image, **{name: _build(value, settings)}, **extra)
        return changed, mask, step

    keys = [field.name for field in fields(value)]
    kinds = inspect.Parameter
    shown = [kinds(key, kinds.POSITIONAL_OR_KEYWORD) for key in ("image", "mask")]
    shown += [kinds(key, kinds.KEYWORD_ONLY) for key in keys]
    run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    return run


def _build(value: type[Any], settings: dict[str, Any]) -> Any:
    """A value from its settings; lists are texts of numbers, counts are whole numbers."""
    plain = dict(settings)
    for key in ("centiles", "values"):
        if key in plain:
            plain[key] = tuple(float(part) for part in str(plain[key]).split())
    for key in ("points", "images"):
        if key in plain:
            plain[key] = int(plain[key])
    return value(**plain)


OPERATIONS: dict[str, Operation] = {
    "median": _of_image(denoising.median),
    "non_local_means": _of_image(denoising.non_local_means),
    "wavelet_shrinkage": _of_image(denoising.wavelet_shrinkage),
    "total_variation": _of_image(denoising.total_variation),
    "percentile_scale": _of_both(contrast.percentile_scale),
    "z_score": _of_both(contrast.z_score),
    "clahe": _of_image(contrast.clahe),
    "equalise": _of_both(contrast.equalise),
    "exclude_artefacts": _exclude,
    "resample": _resample,
    "rotate_upright": _rotate,
    "to_side": _mirror,
    "calibrate": _of_value(calibrating.calibrate, "calibration", calibrating.Calibration),
    "match_distribution": _of_value(
        calibrating.match_distribution, "reference", calibrating.ReferenceDistribution
    ),
    "convert_device": _of_value(calibrating.convert_device, "equation", calibrating.DeviceEquation),
}
"""Every step by the name it has in a pipeline."""
