"""Every measurement of bone geometry: key, unit and names in both languages.

The dictionary's variables are generated from `FEATURES`; `measurements()` of each result gives
these keys and no others. Units are UCUM, a bare number is "1".
"""

from __future__ import annotations

from careloop.imaging.texture.label import FeatureLabel

SHAFT = (
    FeatureLabel("shaft_diameter_mm", "mm", "骨干直径（中段中位数）", "shaft diameter, mid-shaft"),
    FeatureLabel("shaft_minimum_diameter_mm", "mm", "骨干最小直径", "smallest shaft diameter"),
    FeatureLabel("bone_length_mm", "mm", "沿骨轴长度（视野内）", "length along the axis, in view"),
    FeatureLabel("axis_tilt_deg", "deg", "骨轴与图像列方向夹角", "tilt of the axis in the image"),
    FeatureLabel("axis_bow_mm", "mm", "骨中线弯曲（均方根）", "bow of the midline, RMS"),
)

RADIOGRAMMETRY = (
    FeatureLabel("outer_width_mm", "mm", "骨外宽 D", "outer width D"),
    FeatureLabel("medullary_width_mm", "mm", "髓腔宽 d", "medullary width d"),
    FeatureLabel("combined_cortical_thickness_mm", "mm", "双侧皮质总厚度 D−d", "CCT, D − d"),
    FeatureLabel("cortical_thickness_mm", "mm", "皮质厚度（两侧均值）", "cortical thickness, mean"),
    FeatureLabel(
        "cortical_thickness_first_mm",
        "mm",
        "皮质厚度（图像左侧或上侧）",
        "cortical thickness, left or upper side of the image",
    ),
    FeatureLabel(
        "cortical_thickness_second_mm",
        "mm",
        "皮质厚度（图像右侧或下侧）",
        "cortical thickness, right or lower side of the image",
    ),
    FeatureLabel("barnett_nordin_index", "1", "Barnett–Nordin 指数", "Barnett–Nordin index"),
    FeatureLabel(
        "metacarpal_cortical_index_percent", "%", "皮质指数（MCI，%）", "cortical index (MCI)"
    ),
    FeatureLabel("cortical_area_percent", "%", "皮质面积百分比", "percent cortical area"),
    FeatureLabel(
        "cortical_area_mm2", "mm2", "皮质面积（空心圆柱）", "cortical area, hollow cylinder"
    ),
    FeatureLabel(
        "cortical_area_per_width_mm", "mm", "皮质面积/骨宽 A/W", "cortical area over width, A/W"
    ),
    FeatureLabel(
        "cortical_area_per_width_squared", "1", "皮质面积/骨宽² A/W²", "cortical area, A/W²"
    ),
)

DISTAL_RADIUS_THICKNESS = (
    FeatureLabel(
        "distal_radius_cortical_thickness_mm",
        "mm",
        "桡骨远端双侧皮质厚度（两水平均值）",
        "distal radius bicortical thickness, mean of two levels",
    ),
    FeatureLabel(
        "distal_radius_cortical_thickness_distal_mm",
        "mm",
        "桡骨远端双侧皮质厚度（远侧水平）",
        "distal radius bicortical thickness, distal level",
    ),
    FeatureLabel(
        "distal_radius_cortical_thickness_proximal_mm",
        "mm",
        "桡骨远端双侧皮质厚度（近侧水平）",
        "distal radius bicortical thickness, proximal level",
    ),
)

DISTAL_RADIUS_ANGLE = (
    FeatureLabel("radial_inclination_deg", "deg", "桡骨尺偏角（关节角）", "radial inclination"),
    FeatureLabel("radial_height_mm", "mm", "桡骨茎突高度", "radial height"),
    FeatureLabel("palmar_tilt_deg", "deg", "掌倾角（背倾为负）", "palmar tilt, dorsal negative"),
    FeatureLabel("ulnar_variance_mm", "mm", "尺骨变异（尺骨长为正）", "ulnar variance"),
)

HIP_SECTION = (
    FeatureLabel("csa_cm2", "cm2", "截面积 CSA", "cross-sectional area"),
    FeatureLabel("csmi_cm4", "cm4", "截面惯性矩 CSMI", "cross-sectional moment of inertia"),
    FeatureLabel("section_modulus_cm3", "cm3", "截面模量 Z", "section modulus Z"),
    FeatureLabel("section_width_cm", "cm", "骨膜下宽度", "subperiosteal width"),
    FeatureLabel(
        "section_centroid_cm", "cm", "质心偏离中线", "centroid off the middle of the width"
    ),
    FeatureLabel("section_bmd_g_cm2", "g/cm2", "截面平均骨密度", "mean BMD of the section"),
    FeatureLabel(
        "section_cortical_thickness_cm", "cm", "皮质厚度（圆环模型）", "cortical thickness, annulus"
    ),
    FeatureLabel("buckling_ratio", "1", "屈曲比", "buckling ratio"),
)

HIP_AXIS = (
    FeatureLabel("neck_shaft_angle_deg", "deg", "颈干角", "neck–shaft angle"),
    FeatureLabel("narrow_neck_width_mm", "mm", "股骨颈最窄宽度", "narrowest width of the neck"),
    FeatureLabel("femoral_head_diameter_mm", "mm", "股骨头直径", "diameter of the femoral head"),
    FeatureLabel("femoral_neck_axis_length_mm", "mm", "股骨颈轴长", "femoral neck axis length"),
    FeatureLabel("hip_axis_length_mm", "mm", "髋轴长度（至骨盆内缘）", "hip axis length"),
)

CT_SECTION = (
    FeatureLabel("bone_area_mm2", "mm2", "骨横截面积", "cross-sectional area of bone"),
    FeatureLabel("moment_x_mm4", "mm4", "惯性矩 Ix（绕图像水平轴）", "second moment about image x"),
    FeatureLabel("moment_y_mm4", "mm4", "惯性矩 Iy（绕图像垂直轴）", "second moment about image y"),
    FeatureLabel("moment_polar_mm4", "mm4", "极惯性矩 Ip", "polar second moment"),
    FeatureLabel("moment_maximum_mm4", "mm4", "最大主惯性矩", "largest principal second moment"),
    FeatureLabel("moment_minimum_mm4", "mm4", "最小主惯性矩", "smallest principal second moment"),
    FeatureLabel("principal_axis_deg", "deg", "主轴方向", "direction of the principal axis"),
    FeatureLabel("section_modulus_polar_mm3", "mm3", "极截面模量", "polar section modulus"),
    FeatureLabel("section_modulus_x_mm3", "mm3", "截面模量（绕 x 轴）", "section modulus about x"),
    FeatureLabel("section_modulus_y_mm3", "mm3", "截面模量（绕 y 轴）", "section modulus about y"),
)

STRESS_STRAIN = (
    FeatureLabel("ssi_polar_mm3", "mm3", "极应力–应变指数 SSIp", "polar stress–strain index"),
    FeatureLabel("ssi_x_mm3", "mm3", "应力–应变指数（绕 x 轴）", "stress–strain index about x"),
    FeatureLabel("ssi_y_mm3", "mm3", "应力–应变指数（绕 y 轴）", "stress–strain index about y"),
    FeatureLabel("mean_density_mg_cm3", "mg/cm3", "平均体积骨密度", "mean volumetric density"),
)

VERTEBRA = (
    FeatureLabel("vertebra_height_anterior_mm", "mm", "椎体前缘高度", "anterior vertebral height"),
    FeatureLabel("vertebra_height_middle_mm", "mm", "椎体中部高度", "middle vertebral height"),
    FeatureLabel(
        "vertebra_height_posterior_mm", "mm", "椎体后缘高度", "posterior vertebral height"
    ),
    FeatureLabel("vertebra_depth_mm", "mm", "椎体前后径", "depth of the vertebral body"),
    FeatureLabel("vertebra_wedge_ratio", "1", "前/后高度比", "anterior over posterior height"),
    FeatureLabel("vertebra_concavity_ratio", "1", "中/后高度比", "middle over posterior height"),
)

FEATURES: tuple[FeatureLabel, ...] = (
    *SHAFT,
    *RADIOGRAMMETRY,
    *DISTAL_RADIUS_THICKNESS,
    *DISTAL_RADIUS_ANGLE,
    *HIP_SECTION,
    *HIP_AXIS,
    *CT_SECTION,
    *STRESS_STRAIN,
    *VERTEBRA,
)
