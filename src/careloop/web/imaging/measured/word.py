"""Parts, sides, regions, checks and reasons in words."""

from __future__ import annotations

from typing import Any

from careloop.imaging.measuring.finding import NO_FOREGROUND, NOT_MEASURED
from careloop.imaging.quality import check  # noqa: F401 — declares its findings
from careloop.imaging.reading import finding as _remarks  # noqa: F401 — declares its findings
from careloop.imaging.reading import reason
from careloop.records.finding import FINDINGS
from careloop.web.imaging.measured.order import SEVERAL, SIDE_DIFFERS
from careloop.web.site.language import gettext_lazy as _
from careloop.web.site.language import language

PARTS: dict[str, Any] = {
    "forearm": _("forearm and wrist"),
    "hip": _("hip"),
    "spine": _("lumbar spine"),
    "hand": _("hand"),
    "heel": _("heel"),
    "other": _("another part"),
}
SIDES: dict[str, Any] = {
    "left": _("left"),
    "right": _("right"),
    "none": _("has no side (spine)"),
}
REGIONS: dict[str, Any] = {
    "radius": _("radius"),
    "ultradistal_radius": _("ultradistal radius"),
    "one_third_radius": _("1/3 radius"),
    "ulna": _("ulna"),
    "femoral_neck": _("femoral neck"),
    "trochanter": _("trochanter"),
    "total_hip": _("total hip"),
    "lumbar_spine": _("lumbar spine"),
    "l1": _("vertebra L1"),
    "l2": _("vertebra L2"),
    "l3": _("vertebra L3"),
    "l4": _("vertebra L4"),
    "metacarpal_2": _("second metacarpal"),
    "calcaneus": _("heel bone"),
}
"""What a drawn region may be called; chosen, never typed, so that no name of a person gets in."""
KINDS: dict[str, Any] = {
    "radiograph": _("radiograph"),
    "dxa_picture": _("picture of a DXA device, not a density map"),
    "bmd_map": _("bone density map"),
    "ct": _("CT"),
    "picture": _("picture of unknown meaning"),
    "other": _("another kind of image"),
}
CHECKS: dict[str, Any] = {
    "contrast": _("contrast"),
    "missing_values": _("missing pixels"),
    "saturation": _("over- or underexposure"),
    "noise": _("noise"),
    "field_of_view": _("field of view"),
    "missing_regions": _("room for the regions"),
    "rotation": _("rotation"),
    "side": _("side"),
    "motion": _("movement"),
    "metal": _("metal"),
    "jewellery": _("jewellery"),
    "density_order": _("order of the densities"),
}
QUALITY: dict[str, tuple[Any, str]] = {
    "passed": (_("no check failed"), "good"),
    "failed": (_("a check failed"), "warn"),
    "not_checked": (_("not checked"), "warn"),
}
"""How the checks ended, and the tag's colour."""

_TELL_SIZE = _("Find out how large a pixel is, and send the image again with it.")
_DRAW = _("Draw the regions and send them with the image.")
_REMEDIES: dict[str, Any] = {
    reason.SPACING_UNKNOWN: _TELL_SIZE,
    reason.SPACING_ABSURD: _TELL_SIZE,
    reason.SPACING_OF_PICTURE: _TELL_SIZE,
    reason.ULTRASOUND: _TELL_SIZE,
    NO_FOREGROUND: _DRAW,
}
"""What to do on the site, where the finding's own remedy names an option of the command line."""
FAILURES: dict[str, tuple[Any, Any]] = {
    SEVERAL: (
        _("The file holds several images or slices."),
        _("Send one plane image at a time."),
    ),
    SIDE_DIFFERS: (
        _("The file says another side than you did."),
        _("Look at the image again and send it with the right side."),
    ),
    "time": (
        _("Measuring took too long."),
        _("Send a smaller image, or draw a smaller region."),
    ),
    "gone": (
        _("Nobody confirmed the image within a day, so it was deleted."),
        _("Send it again."),
    ),
    "": (_("The image could not be measured."), _("Ask for the file again.")),
}
"""Why an image was not measured where no finding says it; the last for whatever else."""


def region(name: str) -> str:
    """A region in words."""
    if name in REGIONS:
        return str(REGIONS[name])
    if name == "foreground":
        return str(_("bright foreground (found automatically)"))
    if name == "region":
        return str(_("drawn region"))
    label = name.removeprefix("label_")
    return str(_("region {number}")).format(number=label) if label.isdecimal() else name


def side(name: str) -> str:
    """A side in words; nothing where there is none."""
    return str(SIDES[name]) if name in {"left", "right"} else ""


def finding(code: str) -> tuple[str, str]:
    """What a numbered finding says, and what to do; one of a later edition says little."""
    kind = FINDINGS.get(code, FINDINGS[NOT_MEASURED])
    told, remedy = (kind.en, kind.remedy_en) if language() == "en" else (kind.zh, kind.remedy_zh)
    return told, str(_REMEDIES.get(code, remedy))


def failure(why: str) -> tuple[str, str]:
    """Why an image was not measured where no finding says it, and what to do."""
    problem, remedy = FAILURES.get(why, FAILURES[""])
    return str(problem), str(remedy)
