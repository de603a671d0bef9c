"""BMD rises along the forearm: UD < MID < 1/3. Where it does not, something is mislabelled."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from careloop.error import InputError
from careloop.imaging.quality.outcome import Check, failed, not_checked, passed
from careloop.imaging.quality.scene import FOREARM, Scene
from careloop.imaging.regions import measure_forearm, place_forearm
from careloop.records.finding import declare

WRONG_ORDER = declare(
    "I350",
    "error",
    zh="前臂各区骨密度次序异常（应为 UD < 中段 < 1/3）",
    en="BMD does not rise along the forearm (UD < MID < 1/3): a flipped or mislabelled scan",
    remedy_zh="核对扫描方向与区域标注",
    remedy_en="check the scan's direction and the names of the regions",
)

ORDER = ("ud", "mid", "one_third")


def density_order(scene: Scene) -> Check:
    """BMD rises from UD over MID to 1/3, in the report's figures or on the map itself."""
    key = "density_order"
    if scene.site != FOREARM:
        return not_checked(key, f"the order is known of the forearm, not of {scene.site!r}")
    bmd, why = _densities(scene)
    known = [(name, bmd[name]) for name in ORDER if name in bmd and bmd[name] == bmd[name]]
    if len(known) < 2:
        return not_checked(key, why or "fewer than two regions have a BMD")
    measured = {f"{name}_g_cm2": value for name, value in known}
    wrong = [(one, two) for one, two in pairwise(known) if not one[1] < two[1]]
    if wrong:
        where = ", ".join(f"{one[0]} / {two[0]}" for one, two in wrong)
        detail = ", ".join(f"{name} {value:.3f}" for name, value in known)
        return failed(key, WRONG_ORDER, where=where, detail=detail, **measured)
    return passed(key, **measured)


def _densities(scene: Scene) -> tuple[Mapping[str, float], str]:
    """BMD by region: as given, else measured on the map; and why there is none."""
    if scene.region_bmd is not None:
        return scene.region_bmd, ""
    if scene.kind != "bmd_map":
        return {}, "no BMD of the regions was given, and this picture shows no g/cm²"
    if scene.labels is None:
        return {}, "radius and ulna were not labelled and could not be told apart"
    try:
        placement = place_forearm(
            scene.labels,
            spacing_mm=scene.spacing_mm,
            vendor=scene.vendor,
            forearm_length_mm=scene.forearm_length_mm,
        )
    except InputError as error:
        return {}, error.problem
    why = "the forearm length is needed for 1/3" if scene.forearm_length_mm is None else ""
    return measure_forearm(scene.image, placement).bmd(bone="radius"), why
