"""How the results of the diabetes programme are named, drawn and put in order."""

from __future__ import annotations

from careloop.dictionary.variable import Text
from careloop.programmes.programme import Distribution, Ranking, Result

DAYS_SINCE = {
    "glucose_fasting_days": "glucose_fasting_mmol_l",
    "glucose_days": "glucose_mmol_l",
    "glucose_2h_days": "glucose_2h_mmol_l",
    "sbp_days": "sbp_mmhg",
    "dbp_days": "dbp_mmhg",
}

MEASURES = ("hba1c_pct", "glucose_fasting_mmol_l", "glucose_2h_mmol_l", "glucose_mmol_l")

RESULTS = (
    Result("person_id", Text("编号", "person id")),
    Result("cdrs", Text("中国糖尿病风险评分", "CDRS")),
    Result("findrisc", Text("FINDRISC", "FINDRISC")),
    Result(
        "diabetes_progression",
        Text("一年后病情进展值（试验性模型）", "progression after one year (experimental model)"),
    ),
    Result("glycaemia", Text("血糖范围", "range of glucose")),
    Result("next_step", Text("建议的下一步", "next step")),
    *(
        Result(key, words, unit="d")
        for key, words in zip(
            DAYS_SINCE,
            (
                Text("距上次空腹血糖", "time since fasting glucose"),
                Text("距上次血糖", "time since glucose"),
                Text("距上次 OGTT", "time since glucose tolerance test"),
                Text("距上次收缩压", "time since systolic pressure"),
                Text("距上次舒张压", "time since diastolic pressure"),
            ),
            strict=True,
        )
    ),
)

CASCADE = (
    (Text("已登记", "registered"), "person_id IS NOT NULL"),
    (
        Text("已筛查（评分、血糖或已诊断）", "screened (a score, glucose, or diagnosed)"),
        (
            "cdrs IS NOT NULL OR findrisc IS NOT NULL OR glucose_fasting_mmol_l IS NOT NULL"
            " OR glucose_2h_mmol_l IS NOT NULL OR hba1c_pct IS NOT NULL OR diabetes_diagnosed"
        ),
    ),
    (
        Text("需 OGTT、复查证实或已诊断", "needs OGTT or confirmation, or diagnosed"),
        "next_step = 'ogtt' OR next_step = 'confirm' OR diabetes_diagnosed",
    ),
    (Text("已诊断糖尿病", "diabetes diagnosed"), "diabetes_diagnosed"),
    (
        Text("近 3 个月空腹血糖 <7.0", "fasting glucose below 7.0 within three months"),
        "diabetes_diagnosed AND glucose_fasting_mmol_l < 7.0 AND glucose_fasting_days <= 92",
    ),
)

RANKING = (
    Ranking("hba1c_pct", worst="high"),
    Ranking("glucose_fasting_mmol_l", worst="high"),
    Ranking("cdrs", worst="high"),
    Ranking("findrisc", worst="high"),
)

DISTRIBUTIONS = (
    Distribution("cdrs", by="cdrs_class"),
    Distribution("findrisc", by="findrisc_class"),
    Distribution("glucose_fasting_mmol_l", by="glycaemia"),
    Distribution("hba1c_pct", by="glycaemia"),
)
