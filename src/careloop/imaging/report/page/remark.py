"""What the reading of a page may remark: findings I250 to I299."""

from __future__ import annotations

from careloop.records.finding import declare

TEXT_LAYER_UNUSABLE = declare(
    "I250",
    "info",
    zh="页面的文字层不可用（乱码、缺数字或由他人识别生成），已改为从图像识别。",
    en="The page's text layer is unusable (garbled, without numbers or made by someone's OCR); "
    "the picture was read instead.",
    remedy_zh="请对照图像确认数值；如有可能，请从骨密度仪直接导出 PDF。",
    remedy_en="Confirm the values beside the picture; if possible export the PDF directly from "
    "the densitometer.",
)
PICTURE_IN_PAGE = declare(
    "I251",
    "info",
    zh="页面中的文字部分是图像，图像部分已识别，并与文字层合并。",
    en="Part of the page's text is a picture: it was read by OCR and joined with the text layer.",
    remedy_zh="请对照图像确认数值。",
    remedy_en="Confirm the values beside the picture.",
)
PHOTOGRAPH = declare(
    "I252",
    "info",
    zh="页面是拍摄或扫描得到的，已校正透视、倾斜或方向。",
    en="The page was photographed or scanned askew: perspective, tilt or orientation was "
    "straightened.",
    remedy_zh="请在校正后的图像上确认数值。",
    remedy_en="Confirm the values on the straightened picture.",
)
TOO_COARSE = declare(
    "I253",
    "warning",
    zh="图像分辨率过低，文字高度不足，无法可靠读取数值。",
    en="The picture is too coarse: its letters are too few pixels high for numbers to be read "
    "reliably.",
    remedy_zh="请以 150 dpi 以上重新扫描，或靠近页面重新拍摄。",
    remedy_en="Scan again at 150 dpi or more, or photograph the page from nearer.",
)
BLURRED = declare(
    "I254",
    "warning",
    zh="图像模糊，无法可靠读取数值。",
    en="The picture is blurred: numbers cannot be read reliably.",
    remedy_zh="请对焦后重新拍摄，或使用扫描仪。",
    remedy_en="Focus and photograph again, or use a scanner.",
)
READINGS_DIFFER = declare(
    "I255",
    "warning",
    zh="部分数值两次识别的结果不一致，已降低其可信度。",
    en="Some numbers were read twice with different results; they are not to be trusted.",
    remedy_zh="请对照图像人工录入这些数值，或提供更清晰的图像。",
    remedy_en="Enter these values by hand from the picture, or give a clearer picture.",
)
NO_TEXT = declare(
    "I256",
    "warning",
    zh="页面上没有找到文字。",
    en="No text was found on the page.",
    remedy_zh="请检查文件是否为骨密度报告。",
    remedy_en="Check that the file is a densitometry report.",
)
NOT_RECOGNISED = declare(
    "I257",
    "warning",
    zh="页面是图像，但没有进行文字识别。",
    en="The page is a picture and was not read, for OCR was not asked for.",
    remedy_zh='请允许文字识别（ocr="auto"）。',
    remedy_en='Allow OCR (ocr="auto").',
)
RENDERED_SMALLER = declare(
    "I258",
    "info",
    zh="页面尺寸很大，已用较低分辨率绘制。",
    en="The page is very large and was drawn at a lower resolution.",
    remedy_zh="无需处理；如数值缺失，请按原尺寸导出报告页。",
    remedy_en="Nothing, unless values are missing: then export the report page at its true size.",
)
ORIENTATION_UNCERTAIN = declare(
    "I259",
    "warning",
    zh="无法确定页面的方向。",
    en="Which way up the page is could not be decided.",
    remedy_zh="请将页面转正后重新拍摄或扫描。",
    remedy_en="Turn the page upright and photograph or scan it again.",
)
