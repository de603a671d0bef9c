"""Findings I200 to I249: what a DXA report leaves open, and why a value was refused."""

from __future__ import annotations

from careloop.records.finding import declare

NO_TABLE = declare(
    "I200",
    "error",
    zh="页面上没有找到骨密度结果表",
    en="No table of bone density results was found on the page",
    remedy_zh="请提供报告的结果页，或换一张更清晰的图片",
    remedy_en="Give the page with the results, or a sharper picture",
)
TREND = declare(
    "I201",
    "info",
    zh="随访趋势表不作为本次检查结果读取",
    en="A table over time was left out: it is not the result of this scan",
    remedy_zh="如需历次结果，请提供各次检查的报告",
    remedy_en="Give the reports of the earlier scans to have their values",
)
UNKNOWN_REGION = declare(
    "I202",
    "warning",
    zh="不认识的部位名称，该行未读取",
    en="A region's name is not known: its row was left out",
    remedy_zh="请核对报告，并手工录入该行",
    remedy_en="Check the report and enter the row by hand",
)
UNKNOWN_SITE = declare(
    "I203",
    "error",
    zh="无法确定表格属于哪个部位或哪块骨，未读取",
    en="What bone or site a table is about could not be told: nothing was taken",
    remedy_zh="请核对报告标题，并手工录入",
    remedy_en="Check the report's title and enter the values by hand",
)
BAD_NUMBER = declare(
    "I204",
    "warning",
    zh="单元格中的文字不符合该列数字的格式，已拒绝",
    en="A cell does not hold a number of its column's shape: refused",
    remedy_zh="请对照图片录入该数值",
    remedy_en="Enter the value from the picture",
)
LOW_CONFIDENCE = declare(
    "I205",
    "warning",
    zh="文字识别不够可靠，已拒绝",
    en="The characters were not read surely enough: refused",
    remedy_zh="请对照图片录入该数值，或重新拍摄",
    remedy_en="Enter the value from the picture, or take a better one",
)
TO_CONFIRM = declare(
    "I206",
    "info",
    zh="由图片识别、没有其他数字可以核对：须对照图片确认后才能成为记录",
    en="Read from a picture with no second figure to check it: becomes a fact once confirmed",
    remedy_zh="请对照图片确认这些数值",
    remedy_en="Confirm these values beside the picture",
)
NO_DATE = declare(
    "I207",
    "error",
    zh="检查日期未读出或日月顺序不明",
    en="The scan date was not read, or day and month cannot be told apart",
    remedy_zh="请给出检查日期",
    remedy_en="State the date of the scan",
)
NO_SIDE = declare(
    "I208",
    "warning",
    zh="左右侧无法确定",
    en="The side could not be told",
    remedy_zh="请核对报告后补充左右侧",
    remedy_en="Check the report and state the side",
)
NO_PERSON = declare(
    "I209",
    "error",
    zh="报告上没有读出患者编号",
    en="No patient id was read on the report",
    remedy_zh="请指明报告属于哪位患者",
    remedy_en="State whose report it is",
)
RATIO = declare(
    "I210",
    "error",
    zh="骨矿含量÷面积与骨密度不符，该部位已拒绝",
    en="BMC divided by area is not the BMD: the region was refused",
    remedy_zh="请对照报告核对这三个数值",
    remedy_en="Check the three values on the report",
)
SUM = declare(
    "I211",
    "error",
    zh="总和与各部分之和不符",
    en="A total is not the sum of its parts",
    remedy_zh="请对照报告核对总和与各部分",
    remedy_en="Check the total and its parts on the report",
)
BETWEEN = declare(
    "I212",
    "error",
    zh="合并部位的骨密度不在各部分之间",
    en="The BMD of a combined region does not lie between its parts'",
    remedy_zh="请对照报告核对骨密度",
    remedy_en="Check the BMD values on the report",
)
SIDES = declare(
    "I213",
    "error",
    zh="左右两侧与均值或差值不符",
    en="Left and right do not agree with the mean or the difference printed",
    remedy_zh="请对照报告核对左右两侧",
    remedy_en="Check both sides on the report",
)
ORDER = declare(
    "I214",
    "error",
    zh="前臂骨密度未由超远端向1/3处递增",
    en="BMD does not rise from the ultradistal region to the 1/3 region",
    remedy_zh="请核对部位与数值；可能左右颠倒或部位标错",
    remedy_en="Check regions and values; the forearm may be flipped or mislabelled",
)
PERCENT = declare(
    "I215",
    "error",
    zh="T值与青年成人百分比不符",
    en="The T-score does not agree with the percentage of young adults",
    remedy_zh="请对照报告核对T值与百分比",
    remedy_en="Check T-score and percentage on the report",
)
LIMITS = declare(
    "I216",
    "error",
    zh="数值超出可能的范围，已拒绝",
    en="A value lies outside what is possible: refused",
    remedy_zh="请对照报告核对",
    remedy_en="Check it on the report",
)
CONTRADICTION = declare(
    "I217",
    "error",
    zh="同一部位出现两个不同的数值，均已拒绝",
    en="Two different values stand for the same region: both were refused",
    remedy_zh="请对照报告核对，或分开提供每次检查",
    remedy_en="Check the report, or give each scan alone",
)
SCORE_SLOPE = declare(
    "I218",
    "error",
    zh="左右两侧的评分与骨密度之差不一致",
    en="Scores of left and right do not follow their BMD",
    remedy_zh="请核对评分的正负号与数值",
    remedy_en="Check the scores and their signs",
)
DATES = declare(
    "I219",
    "error",
    zh="报告上的检查日期相互矛盾",
    en="The report states different scan dates",
    remedy_zh="请给出检查日期",
    remedy_en="State the date of the scan",
)
REPAIRED = declare(
    "I220",
    "info",
    zh="识别时混淆的字符已替换，须确认",
    en="Characters that OCR confuses were exchanged: to be confirmed",
    remedy_zh="请对照图片确认",
    remedy_en="Confirm the value beside the picture",
)
BONE = declare(
    "I221",
    "warning",
    zh="前臂是桡骨还是桡骨+尺骨仅由表头一处说明，须确认",
    en="Only the table's head says which bone of the forearm it is: to be confirmed",
    remedy_zh="请对照报告确认是单独桡骨、尺骨还是两者合并",
    remedy_en="Confirm beside the picture whether it is radius, ulna or both",
)
MIXED = declare(
    "I222",
    "error",
    zh="同一张表中混有不同部位，未读取",
    en="One table holds rows of different sites: nothing was taken",
    remedy_zh="请提供各部位单独的报告页",
    remedy_en="Give the page of each site",
)
NO_VARIABLE = declare(
    "I223",
    "info",
    zh="该部位的数值保留在报告中，但字典没有对应变量",
    en="The region's values stay in the report: the dictionary has no variable for it",
    remedy_zh="如需要，请在字典中增加变量",
    remedy_en="Add a variable to the dictionary if it is needed",
)
SKEWED = declare(
    "I224",
    "error",
    zh="表中的部位名称与数值不在同一行上，未读取",
    en="Names and numbers of a table do not stand on the same lines: nothing was taken",
    remedy_zh="请把页面拍正或扫描后再提供",
    remedy_en="Photograph the page straight on, or scan it",
)
