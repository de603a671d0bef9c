"""Constants of bone geometry, each with its source; `unconfirmed` ones await a second reading."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    """A number taken from the literature; `unconfirmed` where the source itself was not read."""

    key: str
    value: float
    unit: str
    source: str
    unconfirmed: bool


EFFECTIVE_DENSITY = Constant(
    "effective_mineral_density",
    1.053,
    "g/cm3",
    "Martin & Burr 1984, Beck et al. 1990: mineral density of fully mineralised adult bone",
    unconfirmed=True,
)
NECK_CORTICAL_FRACTION = Constant(
    "cortical_fraction_neck",
    0.60,
    "1",
    "Beck: share of CSA in the cortex, narrow neck",
    unconfirmed=True,
)
INTERTROCHANTERIC_CORTICAL_FRACTION = Constant(
    "cortical_fraction_intertrochanteric",
    0.70,
    "1",
    "Beck: share of CSA in the cortex",
    unconfirmed=True,
)
SHAFT_CORTICAL_FRACTION = Constant(
    "cortical_fraction_shaft",
    1.00,
    "1",
    "Beck: share of CSA in the cortex, shaft",
    unconfirmed=True,
)
SHAFT_DISTANCE_IN_NECK_WIDTHS = Constant(
    "shaft_distance_in_neck_widths",
    1.5,
    "1",
    "hip structure analysis: shaft section 1.5 narrow-neck widths below the crossing of the axes",
    unconfirmed=True,
)
HIP_BAND = Constant(
    "hip_band",
    5.0,
    "mm",
    "hip structure analysis: sections averaged over a 5 mm band",
    unconfirmed=True,
)
NORMAL_DENSITY = Constant(
    "normal_cortical_density",
    1200.0,
    "mg/cm3",
    "stress–strain index: normal physiological density ND, Hasegawa et al. 2001",
    unconfirmed=True,
)
DISTAL_RADIUS_LEVELS = (
    Constant(
        "distal_radius_level_distal",
        50.0,
        "mm",
        "Webber et al., J Hand Surg Am 2015;40:493 (abstract): 50 mm above the ulna's surface",
        unconfirmed=False,
    ),
    Constant(
        "distal_radius_level_proximal",
        70.0,
        "mm",
        "Webber et al., J Hand Surg Am 2015;40:493 (abstract): 70 mm above the ulna's surface",
        unconfirmed=False,
    ),
)
DISTAL_RADIUS_CUT_OFF = Constant(
    "distal_radius_cortical_thickness_cut_off",
    5.1,
    "mm",
    "Injury 2020, n = 147: sensitivity 83.3 %, specificity 72.7 % for osteoporosis by DXA; told "
    "for the reader, used nowhere: another study of 54 patients found no significant correlation "
    "(Bone Joint Res 2021;10:830)",
    unconfirmed=False,
)

CONSTANTS: tuple[Constant, ...] = (
    EFFECTIVE_DENSITY,
    NECK_CORTICAL_FRACTION,
    INTERTROCHANTERIC_CORTICAL_FRACTION,
    SHAFT_CORTICAL_FRACTION,
    SHAFT_DISTANCE_IN_NECK_WIDTHS,
    HIP_BAND,
    NORMAL_DENSITY,
    *DISTAL_RADIUS_LEVELS,
    DISTAL_RADIUS_CUT_OFF,
)
