"""Everything that can be measured: variable of the dictionary, unit, names, IBSI id.

The rooms that measure keep the lists (`feature.table`, `texture.*`, `geometry.feature`); here they
get the keys under which they are facts. `dictionary/variables/90_image.toml` is generated from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from careloop.dictionary.variable import Text

FAMILY_NAMES: dict[str, Text] = {
    "intensity_statistics": Text("灰度统计", "Intensity"),
    "intensity_histogram": Text("灰度直方图", "Intensity histogram"),
    "glcm": Text("灰度共生矩阵（GLCM）", "GLCM"),
    "glrlm": Text("灰度游程矩阵（GLRLM）", "GLRLM"),
    "glszm": Text("灰度区域大小矩阵（GLSZM）", "GLSZM"),
    "gldzm": Text("灰度距离区域矩阵（GLDZM）", "GLDZM"),
    "ngtdm": Text("邻域灰度差矩阵（NGTDM）", "NGTDM"),
    "ngldm": Text("邻域灰度依赖矩阵（NGLDM）", "NGLDM"),
    "local_binary_pattern": Text("局部二值模式（LBP）", "Local binary pattern"),
    "variogram": Text("变异函数", "Variogram"),
    "hurst": Text("Hurst 指数", "Hurst exponent"),
    "lacunarity": Text("间隙度", "Lacunarity"),
    "density": Text("密度分布", "Density distribution"),
    "geometry": Text("骨几何", "Bone geometry"),
}
"""What each family is called in the field."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing that is measured. `unit` is UCUM; `ibsi_id` is empty where the IBSI has none."""

    variable: str
    feature: str
    family: str
    unit: str
    label: Text
    ibsi_id: str = ""


@cache
def quantities() -> tuple[Quantity, ...]:
    """Every quantity, family by family: IBSI features, textures, geometry.

    Examples
    --------
    >>> next(each.variable for each in quantities() if each.ibsi_id == "ACUI")
    'radiomics_glcm_contrast'
    """
    from careloop.imaging.feature.table import feature_table
    from careloop.imaging.geometry.feature import FEATURES as GEOMETRY
    from careloop.imaging.texture import (
        density,
        hurst,
        lacunarity,
        local_binary_pattern,
        variogram,
    )

    radiomics = tuple(
        Quantity(
            radiomics_variable(each.key),
            each.key,
            each.family,
            "1",
            _label(each.family, each.zh, each.en),
            each.ibsi_id,
        )
        for each in feature_table()
    )
    rooms = {
        "local_binary_pattern": local_binary_pattern.FEATURES,
        "variogram": variogram.FEATURES,
        "hurst": hurst.FEATURES,
        "lacunarity": lacunarity.FEATURES,
        "density": density.FEATURES,
        "geometry": GEOMETRY,
    }
    others = tuple(
        Quantity(
            bone_variable(each.key) if family == "geometry" else texture_variable(each.key),
            each.key,
            family,
            each.unit,
            _label(family if family == "geometry" else "", each.zh, each.en),
        )
        for family, features in rooms.items()
        for each in features
    )
    return radiomics + others


_PLAIN = str.maketrans({"²": "2", "³": "3", "–": "-", "−": "-"})


def _label(family: str, zh: str, en: str) -> Text:
    """The name, its family's before it; English labels of the dictionary are plain ASCII."""
    plain = en.translate(_PLAIN)
    if not family:
        return Text(zh, plain)
    return Text(f"{FAMILY_NAMES[family].zh}：{zh}", f"{FAMILY_NAMES[family].en}: {plain}")


@cache
def units() -> dict[str, str]:
    """The unit of every variable."""
    return {each.variable: each.unit for each in quantities()}


@cache
def radiomics_variable(feature: str) -> str:
    """The variable of an IBSI feature."""
    return f"radiomics_{feature}"


@cache
def texture_variable(feature: str) -> str:
    """The variable of a texture."""
    return f"texture_{feature}"


@cache
def bone_variable(feature: str) -> str:
    """The variable of a measure of geometry."""
    return f"bone_{feature}"
