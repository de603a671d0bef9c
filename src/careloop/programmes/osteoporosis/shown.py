"""How the results of the osteoporosis programme are named, drawn and put in order."""

from __future__ import annotations

from careloop.dictionary.variable import Text
from careloop.programmes.osteoporosis.dxa import SITES
from careloop.programmes.programme import Distribution, Ranking, Result

_BONE = {
    "osteoporosis": Text("骨质疏松", "osteoporosis"),
    "low_bone_mass": Text("低骨量", "low bone mass"),
    "normal": Text("骨量正常", "normal"),
}
_LEVELS = {
    "high": Text("高风险", "high risk"),
    "moderate": Text("中风险", "moderate risk"),
    "low": Text("低风险", "low risk"),
}

_SHORT: dict[str, str | Text] = {
    "osta": "OSTA",
    "osta_truncated": Text("OSTA（取整）", "OSTA, truncated"),
    "ost": "OST",
    "bfh_ost": "BFH-OST",
    "orai": "ORAI",
    "osiris": "OSIRIS",
    "osiris_continuous": Text("OSIRIS（不取整）", "OSIRIS, continuous"),
    "score": "SCORE",
    "mores": "MORES",
    "abone": "ABONE",
    "fracture_index": "FRACTURE Index",
    "fracscore": "FRACSCORE",
    "iof": Text("IOF 一分钟测试", "IOF one-minute test"),
    "caroc": "CAROC",
    "frax": Text("FRAX（录入）", "FRAX (entered)"),
    "qfracture": "QFracture",
}

RESULTS = (
    Result("person_id", Text("编号", "person id")),
    *(
        Result(key, Text(words, words) if isinstance(words, str) else words)
        for key, words in _SHORT.items()
    ),
    Result("diagnosis", Text("诊断", "diagnosis")),
    Result("next_step", Text("建议的下一步", "next step")),
    Result(
        "t_min",
        Text("诊断部位最低 T 值", "lowest T-score of the diagnostic sites"),
        unit="{T-score}",
    ),
    Result("t_lowest", Text("最低 T 值", "lowest T-score"), unit="{T-score}"),
    Result("z_min", Text("最低 Z 值", "lowest Z-score"), unit="{Z-score}"),
    Result(
        "t_score_used",
        Text("T 值适用（年龄、性别、绝经）", "T-score applies (age, sex, menopause)"),
    ),
    Result("who_class", Text("WHO 骨密度分级", "WHO class"), _BONE),
    Result("qct_class", Text("QCT 分级", "QCT class"), _BONE),
    Result("genant_grade", Text("Genant 分级", "Genant grade")),
    Result(
        "genant_type",
        Text("椎体骨折类型", "type of vertebral fracture"),
        {
            "crush": Text("压缩型", "crush"),
            "biconcave": Text("双凹型", "biconcave"),
            "wedge": Text("楔型", "wedge"),
        },
    ),
    Result("caroc_class", Text("CAROC 分级", "CAROC class"), _LEVELS),
    Result("caroc_basal_class", Text("CAROC 基础分级", "CAROC basal class"), _LEVELS),
    Result("iof_positive", Text("IOF 一分钟测试阳性", "IOF one-minute test positive")),
    Result("iof_items", Text("IOF 阳性题号", "IOF items that fired")),
    *(
        Result(
            f"qfracture_{outcome}_{year}y",
            Text(f"QFracture {year} 年{zh}风险", f"QFracture {year}-year risk of {en}"),
            unit="%",
            horizon_y=year,
        )
        for outcome, zh, en in (
            ("mof", "骨质疏松性骨折", "osteoporotic fracture"),
            ("hip", "髋部骨折", "hip fracture"),
        )
        for year in range(1, 19)
    ),
    Result(
        "frax_mof_adjusted_pct",
        Text("FRAX 主要骨折（校正后）", "FRAX MOF, adjusted"),
        unit="%",
        horizon_y=10,
    ),
    Result(
        "frax_hip_adjusted_pct",
        Text("FRAX 髋部（校正后）", "FRAX hip, adjusted"),
        unit="%",
        horizon_y=10,
    ),
)
"""Worst first within each list of values."""

MEASURES = tuple(f"t_{site}" for site in SITES)

DISTRIBUTIONS = (
    Distribution("t_lowest", by="who_class"),
    Distribution("qfracture_mof_10y"),
    Distribution("qfracture_hip_10y"),
    Distribution("frax_mof_adjusted_pct", by="frax_class"),
    Distribution("osta", by="osta_class"),
    Distribution("ost", by="ost_class"),
    Distribution("orai", by="orai_class"),
    Distribution("osiris", by="osiris_class"),
    Distribution("score", by="score_class"),
    Distribution("mores", by="mores_class"),
    Distribution("abone", by="abone_class"),
    Distribution("fracture_index", by="fracture_index_class"),
    Distribution("fracscore"),
)

RANKING = (
    Ranking("qfracture_mof_10y", worst="high"),
    Ranking("t_lowest", worst="low"),
    Ranking("osta", worst="low"),
)
