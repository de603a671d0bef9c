"""Layouts of makers and versions, drawn as words: what stands in the table is read, and no more.

The layouts follow reports of Hologic APEX, GE Lunar enCORE 8 to 17 and Norland Illuminatus that the
DXA² project shows; all persons and numbers here are made up unless a test says otherwise.
"""

from __future__ import annotations

from datetime import date

import pytest

from careloop.imaging.report import finding, read_page_reports, render_text

ENCORE_16 = [
    ["", "BMD", "YA", "YA", "AM", "AM", "BMC", "Area", "Width", "Height"],
    ["Region", "(g/cm²)", "(%)", "T-score", "(%)", "Z-score", "(g)", "(cm²)", "(cm)", "(cm)"],
]


def values(report, quantity, *, status=None):
    return {
        (each.site, each.side): each.value
        for each in report.values
        if each.quantity == quantity and status in {None, each.status}
    }


def read_one(page, words, **kwargs):
    (report,) = read_page_reports([page(words, **kwargs)])
    return report


# --- Hologic


def test_apex_spine(page, table, text, apex_heads, apex_spine):
    words = [
        *text(50, 20, "Patient ID: X-17"),
        *text(50, 40, "DOB: March 09, 1958"),
        *text(300, 40, "Sex: Female"),
        *text(300, 60, "Scan Date: February 03, 2021"),
        *text(500, 60, "ID: A02032105"),
        *text(300, 75, "Scan Type: f Lumbar Spine"),
        *text(300, 90, "Analysis: February 03, 2021 10:11 Version 13.6.0.5"),
        *text(300, 105, "Model: Horizon W (S/N 300000M)"),
        *table(apex_heads, apex_spine),
        *text(50, 320, "Total BMD CV 1.0%, ACF = 1.029, BCF = 0.984"),
        *text(
            50,
            340,
            "T-score vs. White Female. Source:Hologic Z-score vs. White Female. Source:Hologic",
        ),
        *text(600, 400, "HOLOGIC"),
    ]
    report = read_one(page, words)
    assert (report.maker, report.device, report.software) == ("hologic", "Horizon W", "13.6.0.5")
    assert (report.site, report.side) == ("spine", "")
    assert report.scanned_on == date(2021, 2, 3)
    assert report.scanned_on_checked
    assert (report.subject.person_id, report.subject.sex) == ("X-17", "female")
    assert report.subject.born_on == date(1958, 3, 9)
    assert report.scan_id == "A02032105"
    assert report.reference_key == "hologic_white_female"
    assert not report.refused
    assert values(report, "bmd", status="checked") == {
        ("l1", ""): 0.8, ("l2", ""): 0.85, ("l3", ""): 0.88, ("l4", ""): 0.85,
        ("lumbar_spine", ""): 0.847,
    }  # fmt: skip
    assert values(report, "t")["l4", ""] == -2.4
    assert values(report, "z")["lumbar_spine", ""] == -0.3
    assert values(report, "area")["l3", ""] == 14.6
    assert values(report, "bmc")["lumbar_spine", ""] == 46.92


def test_blank_t_stays_unknown(page, table, apex_heads, apex_spine):
    """Hologic prints no T under 50: the cells are empty, and Z must not slip into their place."""
    rows = [[*row[:4], "", "", row[6], row[7]] for row in apex_spine]
    report = read_one(page, table(apex_heads, rows))
    assert values(report, "t") == {}
    assert len(values(report, "z")) == len(values(report, "bmd")) == 5


def test_total_of_three_vertebrae_is_not_l1_l4(page, table, apex_heads, apex_spine):
    """With L2 left out, Hologic's Total means L1, L3 and L4; the sums say which."""
    rows = [apex_spine[0], *apex_spine[2:4], ["Total", "42.30", "35.78", "0.846", "-2.0"]]
    report = read_one(page, table(apex_heads, rows))
    assert values(report, "bmd")["l1_and_l3_l4", ""] == 0.846
    assert ("lumbar_spine", "") not in values(report, "bmd")
    # the total of all four, with the row of L2 not read: it is nobody's
    lost = read_one(page, table(apex_heads, [apex_spine[0], *apex_spine[2:]]))
    assert {site for site, _ in values(lost, "bmd")} == {"l1", "l3", "l4"}
    assert finding.UNKNOWN_SITE in {each.code for each in lost.findings}


@pytest.mark.parametrize(
    ("head", "prefix", "total"),
    [
        (["Radius +", "Ulna"], "forearm_combined", "forearm_combined"),
        (["Radius +", "Una"], "forearm_combined", "forearm_combined"),  # OCR of the Hologic page
        (["Radius", ""], "radius", "radius_total"),
    ],
)
def test_apex_forearm_bones_are_kept_apart(page, table, text, apex_heads, head, prefix, total):
    heads = [[head[0], *apex_heads[0][1:]], [head[1], *apex_heads[1][1:]]]
    rows = [
        ["1/3", "2.50", "1.65", "0.660", "-0.6", "95", "0.9", "110"],
        ["MID", "5.20", "2.86", "0.550", "-1.0", "92", "0.8", "108"],
        ["UD", "3.40", "1.19", "0.350", "-1.6", "79", "0.1", "101"],
        ["Total", "11.10", "5.70", "0.514", "-1.2", "88", "0.5", "106"],
    ]
    report = read_one(page, [*text(50, 50, "Scan Type: a L.Forearm"), *table(heads, rows)])
    assert (report.site, report.side) == ("forearm", "left")
    assert values(report, "bmd") == {
        (f"{prefix}_33", "left"): 0.66, (f"{prefix}_mid", "left"): 0.55,
        (f"{prefix}_ud", "left"): 0.35, (total, "left"): 0.514,
    }  # fmt: skip
    alone = prefix == "radius"  # said in one place only: half of "Radius + Ulna" may be lost
    assert {each.status for each in report.values} == {"to_confirm" if alone else "checked"}


def test_half_a_head_is_not_one_bone(page, table, text, apex_heads):
    heads = [["Ulna", *apex_heads[0][1:]], apex_heads[1]]
    rows = [["1/3", "2.50", "1.65", "0.660", "-0.6", "95", "0.9", "110"]]
    words = [*text(50, 400, "1/3 (Radius + Ulna)"), *table(heads, rows)]
    assert read_page_reports([page(words)]) == []


def test_apex_dual_hip_under_headings(page, table, apex_heads):
    heads = [row[:5] + row[6:7] for row in apex_heads]
    heads = [[*row[:4], *row[4:]] for row in heads]
    rows = [
        ["Neck"],
        ["Left", "4.86", "3.90", "0.804", "", "-0.2"],
        ["Right", "4.30", "3.73", "0.868", "", "0.4"],
        ["Mean", "4.58", "3.82", "0.836", "", "0.1"],
        ["|Diff.|", "0.55", "0.17", "0.064", "", "0.6"],
        ["Total"],
        ["Left", "37.75", "31.54", "0.835", "", "-0.8"],
        ["Right", "33.23", "27.91", "0.840", "", "-0.7"],
        ["Mean", "35.49", "29.72", "0.838", "", "-0.7"],
        ["|Diff.|", "4.52", "3.63", "0.005", "", "0.0"],
    ]
    report = read_one(page, table(heads, rows))
    assert report.side == "both"
    assert values(report, "bmd") == {
        ("femoral_neck", "left"): 0.804, ("femoral_neck", "right"): 0.868,
        ("femoral_neck", "mean"): 0.836, ("total_hip", "left"): 0.835,
        ("total_hip", "right"): 0.84, ("total_hip", "mean"): 0.838,
    }  # fmt: skip
    assert values(report, "t") == {}
    assert values(report, "z")["total_hip", "left"] == -0.8
    # a heading that was not read leaves its rows to nobody
    lost = read_one(page, table(heads, [row if row != ["Total"] else [""] for row in rows]))
    assert {site for site, _ in values(lost, "bmd")} == {"femoral_neck"}


# --- GE Lunar


def test_encore_16_spine_with_percentages(page, table, text):
    rows = [
        ["T12", "0.773", "-", "-", "-", "-", "6.58", "8.52", "3.0", "2.84"],
        ["L1", "0.886", "78", "-2.0", "106", "0.4", "7.50", "8.46", "3.3", "2.57"],
        ["L2", "1.061", "88", "-1.2", "117", "1.3", "9.76", "9.20", "3.4", "2.68"],
        ["L1-L2", "0.977", "84", "-1.6", "112", "0.9", "17.26", "17.66", "3.4", "5.25"],
    ]
    words = [
        *text(50, 100, "ANCILLARY RESULTS: AP Spine"),
        *table(ENCORE_16, rows),
        *text(50, 500, "GE Healthcare Lunar Prodigy"),
    ]
    report = read_one(page, words)
    assert (report.maker, report.device) == ("ge_lunar", "Lunar Prodigy")
    assert not report.refused
    assert values(report, "t") == {("l1", ""): -2.0, ("l2", ""): -1.2, ("l1_l2", ""): -1.6}
    assert values(report, "z")["l1_l2", ""] == 0.9
    assert values(report, "bmc")["t12", ""] == 6.58
    assert values(report, "area")["l2", ""] == 9.2


def test_encore_12_heads_over_two_columns(page, text):
    """ "Young-Adult" stands above "(%)" and "T-Score", with footnote figures as superscripts."""
    words = []
    for x, y, cell in [
        (200, 190, "BMD¹"), (290, 190, "Young-Adult²"), (400, 190, "Age-Matched³"),
        (510, 190, "BMC"), (590, 190, "Area"),
        (50, 205, "Region"), (195, 205, "(g/cm²)"), (285, 205, "(%)"), (325, 205, "T-Score"),
        (395, 205, "(%)"), (435, 205, "Z-Score"), (513, 205, "(g)"), (588, 205, "(cm²)"),
        (50, 225, "Radius UD"), (200, 225, "0.296"), (288, 225, "63"), (330, 225, "-3.8"),
        (398, 225, "73"), (440, 225, "-2.4"), (510, 225, "1.01"), (590, 225, "3.42"),
        (50, 241, "Ulna UD"), (200, 241, "0.237"), (288, 241, "-"), (330, 241, "-"),
        (398, 241, "-"), (440, 241, "-"), (510, 241, "0.61"), (590, 241, "2.59"),
        (50, 257, "Both UD"), (200, 257, "0.270"), (288, 257, "-"), (330, 257, "-"),
        (398, 257, "-"), (440, 257, "-"), (510, 257, "1.63"), (590, 257, "6.01"),
    ]:  # fmt: skip
        words += text(x, y, cell)
    report = read_one(page, [*words, *text(50, 100, "ANCILLARY RESULTS [Right Forearm]")])
    assert report.side == "right"
    assert values(report, "bmd") == {
        ("radius_ud", "right"): 0.296,
        ("ulna_ud", "right"): 0.237,
        ("forearm_combined_ud", "right"): 0.27,
    }
    assert values(report, "t") == {("radius_ud", "right"): -3.8}
    assert values(report, "z") == {("radius_ud", "right"): -2.4}


def test_columns_in_another_order(page, table):
    heads = [
        ["", "AM", "YA", "Area", "BMD", "BMC"],
        ["Region", "Z-score", "T-score", "(cm²)", "(g/cm²)", "(g)"],
    ]
    report = read_one(page, table(heads, [["Neck Left", "0.3", "-2.1", "4.49", "0.741", "3.32"]]))
    assert {each.quantity: each.value for each in report.values} == {
        "z": 0.3, "t": -2.1, "area": 4.49, "bmd": 0.741, "bmc": 3.32,
    }  # fmt: skip
    assert {each.side for each in report.values} == {"left"}


def test_encore_17_trend_and_diagram_are_no_results(page, table, text):
    results = table(
        [["", "BMD", "YA", "AM"], ["Region", "(g/cm²)", "T-score", "Z-score"]],
        [["L1", "1.127", "-0.1", "0.9"], ["L1-L4", "1.285", "0.7", "1.8"]],
        x=400,
    )
    trend = table(
        [
            ["", "", "", "Change vs"],
            ["", "Age", "BMD", "Previous"],
            ["Measured Date", "(years)", "(g/cm²)", "(g/cm²)"],
        ],
        [["01/22/2020", "60.4", "1.285", "-"], ["01/13/2017", "57.4", "1.011", "-"]],
        x=400,
        y=300,
    )
    diagram = [
        *text(60, 190, "BMD (g/cm²)"), *text(230, 190, "YA T-score"),
        *text(60, 216, "1.435"), *text(240, 216, "2"), *text(60, 232, "1.195"),
        *text(385, 232, "-1"), *text(240, 232, "0"),
    ]  # fmt: skip
    report = read_one(page, [*results, *trend, *diagram])
    assert values(report, "bmd") == {("l1", ""): 1.127, ("lumbar_spine", ""): 1.285}
    assert values(report, "t") == {("l1", ""): -0.1, ("lumbar_spine", ""): 0.7}
    summary = table(
        [["", "Measured", "", "YA"], ["Region", "Date", "BMD", "T-score"]],
        [["L1-L4", "01/13/2017", "1.011", "-1.5"]],
    )
    assert read_page_reports([page(summary)]) == []  # whose date it is cannot be told


def test_spine_and_both_hips_on_one_page(page, table, text):
    heads = [["Region", "BMD", "T-score", "Z-score"]]
    words = [
        *text(50, 80, "AP Spine"),
        *table(heads, [["L2-L4", "1.010", "-1.2", "0.3"]], y=100),
        *text(50, 160, "Left Femur"),
        *table(heads, [["Neck", "0.801", "-1.1", "0.2"], ["Total", "0.850", "-1.0", "0.1"]], y=180),
        *text(50, 260, "Right Femur"),
        *table(heads, [["Neck", "0.790", "-1.2", "0.1"], ["Total", "0.843", "-1.1", "0.0"]], y=280),
    ]
    spine, left, right = read_page_reports([page(words)])
    assert values(spine, "bmd") == {("l2_l4", ""): 1.01}
    assert values(left, "bmd") == {("femoral_neck", "left"): 0.801, ("total_hip", "left"): 0.85}
    assert values(right, "t") == {("femoral_neck", "right"): -1.2, ("total_hip", "right"): -1.1}


def test_total_body_is_not_a_hip(page, table, text):
    heads = [["", "BMD", "BMC", "Area"], ["Region", "(g/cm²)", "(g)", "(cm²)"]]
    rows = [["Head", "2.435", "521", "214"], ["Left Total", "1.058", "1,090", "1,030"],
            ["Total", "1.096", "2,377", "2,168"]]  # fmt: skip
    report = read_one(page, table(heads, rows))
    assert values(report, "bmd") == {("total_body", ""): 1.096}
    assert values(report, "bmc") == {("total_body", ""): 2377}
    alone = table(heads, rows[-1:])
    assert read_page_reports([page(alone)]) == []  # "Total" of what?
    report = read_one(page, [*text(50, 100, "Total Body Bone Density"), *alone])
    assert values(report, "bmd") == {("total_body", ""): 1.096}


def test_body_composition_is_no_bone_density(page, table):
    heads = [
        ["Region", "Fat", "Lean +", "Total"],
        ["", "Mass (g)", "BMC (g)", "Mass (g)"],
    ]
    assert read_page_reports([page(table(heads, [["Total", "19764", "42730", "62494"]]))]) == []


# --- Norland


def test_norland_names_over_two_lines(page, text, table):
    words = table(
        [
            ["", "", "", "Area", "T-", "Young", "Z-"],
            ["Region", "BMD (g/cm²)", "BMC (g)", "(cm²)", "Score", "Ref. (%)", "Score"],
        ],
        [],
        column=80,
    )
    for x, y, cell in [
        (50, 240, "Fem"), (50, 252, "Neck"), (50, 276, "Troch"), (50, 300, "Total"),
        (50, 312, "sBMD"),
    ]:  # fmt: skip
        words += text(x, y, cell)
    for y, row in [
        (246, ["0.9352", "4.853", "5.190", "-1.38", "84.4", "0.28"]),
        (276, ["0.8086", "10.27", "12.70", "-1.10", "86.7", "-0.08"]),
        (306, ["1013mg/cm²", "36144mg", "35.68", "-1.09", "88.3", "0.12"]),
    ]:
        for index, cell in enumerate(row, 1):
            words += text(160 + 80 * index, y, cell, right=True)
    words += [*text(50, 150, "Right Hip on 2/14/2008 8:51:46 AM"), *text(50, 400, "NORLAND")]
    report = read_one(page, words)
    assert (report.maker, report.side, report.scanned_on) == (
        "norland", "right", date(2008, 2, 14),
    )  # fmt: skip
    assert values(report, "bmd") == {
        ("femoral_neck", "right"): 0.9352,
        ("trochanter", "right"): 0.8086,
    }
    assert values(report, "t") == {
        ("femoral_neck", "right"): -1.38,
        ("trochanter", "right"): -1.1,
    }


# --- Chinese


def test_chinese_report(page, table, text):
    words = [
        *text(50, 20, "姓名:王某某 性别:女"),
        *text(50, 40, "患者ID:S0017 出生日期:1958-03-09"),
        *text(50, 60, "检查日期:2023年5月6日"),
        *text(50, 100, "左侧股骨 骨密度"),
        *table(
            [["部位", "面积", "骨矿含量", "骨密度", "T值", "Z值"]],
            [
                ["股骨颈", "4.49", "3.32", "0.741", "−2.1", "0.3"],
                ["大转子", "9.76", "5.66", "0.580", "−2.4", "−0.2"],
                ["全髋", "28.22", "21.93", "0.777", "−1.8", "0.5"],
            ],
        ),
        *text(50, 400, "GE Healthcare Lunar iDXA"),
    ]
    report = read_one(page, words)
    assert report.scanned_on == date(2023, 5, 6)
    assert report.subject.person_id == "S0017"
    assert report.subject.sex == "female"
    assert report.side == "left"
    assert values(report, "t") == {
        ("femoral_neck", "left"): -2.1, ("trochanter", "left"): -2.4, ("total_hip", "left"): -1.8,
    }  # fmt: skip
    printed = render_text(report, "zh")
    assert "股骨颈" in printed
    assert "−2.1" in printed
    assert "王某某" not in printed


def test_json_has_a_box_for_every_value(page, table, apex_heads, apex_spine):
    report = read_one(page, table(apex_heads, apex_spine))
    told = report.to_json()
    assert len(told["values"]) == 25
    first = told["values"][0]
    assert first["variable"] == "area_l1_cm2"
    assert first["box"]["x1"] > first["box"]["x0"] > 0
    assert report.values[0].place.startswith("page 1 (")


# --- dates


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Measured: 03/07/2007"], None),  # March or July?
        (["Measured: 03/07/2007 6:26:29 PM"], date(2007, 3, 7)),
        (["Measured: 03/07/2007", "Birth Date: 25/11/1958"], date(2007, 7, 3)),
        (["Measured: 03/07/2007", "Analyzed: July 3, 2007"], date(2007, 7, 3)),
        (["Scan Date: 2007-07-03"], date(2007, 7, 3)),
        (["Scan Date: 2007-07-03", "Scan Date: 2007-07-04"], None),
    ],
)
def test_scan_date(page, table, text, apex_heads, apex_spine, lines, expected):
    words = table(apex_heads, apex_spine)
    for index, line in enumerate(lines):
        words += text(50, 20 + 16 * index, line)
    report = read_one(page, words)
    assert report.scanned_on == expected
    codes = {each.code for each in report.findings}
    assert bool(codes & {finding.NO_DATE, finding.DATES}) == (expected is None)


def test_remarks_are_no_titles(page, table, text):
    heads = [["Region", "BMD", "T-score", "Z-score (adjusted)"]]
    words = [
        *text(50, 40, "Comment: left hip replaced"),
        *text(50, 60, "compared with left hip 01/13/2015"),
        *table(heads, [["Neck", "0.801", "-1.1", "0.2"]], column=120),
    ]
    report = read_one(page, words)
    assert (report.side, report.scanned_on) == ("", None)
    assert finding.NO_SIDE in {each.code for each in report.findings}
    assert values(report, "z") == {("femoral_neck", ""): 0.2}
