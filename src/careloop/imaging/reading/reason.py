"""Why a file is refused (I150–I199), in both languages; remarks are in `finding`."""

from __future__ import annotations

from careloop.records.finding import declare


def _refusal(code: str, zh: str, en: str, *remedy: str) -> str:
    remedy_zh, remedy_en = remedy
    return declare(code, "error", zh=zh, en=en, remedy_zh=remedy_zh, remedy_en=remedy_en)


_WHOLE = ("请重新导出或重新复制", "export or copy it again")
_SPACING = (
    "请用 --spacing 行,列 给出像素尺寸（毫米；Python 中为 spacing_mm）",
    "give the pixel size: --spacing ROW,COLUMN in mm (spacing_mm in Python)",
)
UNKNOWN_KIND = _refusal(
    "I150",
    "不是可读取的图像",
    "is not an image that can be read (DICOM, PNG, TIFF, JPEG, NIfTI)",
    "请另存为这些格式之一",
    "save it in one of these formats",
)
DAMAGED = _refusal("I151", "文件损坏或不完整", "is damaged or cut short", *_WHOLE)
FILE_TOO_LARGE = _refusal(
    "I152",
    "文件过大",
    "the file is larger than the limit",
    "如确属正常，请提高 Limits.file_bytes",
    "if it is what you expect, raise Limits.file_bytes",
)
TOO_MANY_PIXELS = _refusal(
    "I153",
    "像素过多",
    "holds more pixels than the limit",
    "如确属正常，请提高 Limits.pixels",
    "if it is what you expect, raise Limits.pixels",
)
PIXELS_MISSING = _refusal(
    "I154",
    "像素数据少于文件头所述",
    "there is less pixel data than the header tells of",
    *_WHOLE,
)
NO_PIXELS = _refusal(
    "I155",
    "文件中没有图像",
    "holds no picture",
    "请提供图像本身",
    "give the file of the image itself",
)
NOT_AN_IMAGE = _refusal(
    "I156",
    "不是可测量的图像，而是分割、结构化报告、计划等对象",
    "is an object about images (segmentation, report, plan, state), not an image to measure",
    "请提供其所指的图像",
    "give the image it refers to",
)
DOCUMENT_INSIDE = _refusal(
    "I157",
    "内含文档（PDF），不是图像",
    "holds a document (PDF), not an image",
    "请按报告读取：careloop.imaging.report",
    "read it as a report: careloop.imaging.report",
)
SPACING_UNKNOWN = _refusal(
    "I158",
    "像素尺寸未知",
    "the size of a pixel is not known",
    *_SPACING,
)
SPACING_ABSURD = _refusal(
    "I159",
    "像素尺寸不合理",
    "the size of a pixel is not possible (0.001 to 50 mm)",
    *_SPACING,
)
SPACING_OF_PICTURE = _refusal(
    "I160",
    "图片格式不含像素的真实尺寸（其中的分辨率是打印分辨率，不可信）",
    "a picture format holds no true pixel size: its resolution is that of printing, "
    "which is not trusted",
    *_SPACING,
)
ULTRASOUND = _refusal(
    "I161",
    "超声图像按区域校准，没有统一的像素尺寸",
    "ultrasound is calibrated region by region; it has no one pixel size",
    *_SPACING,
)
DECODER_FAILED = _refusal(
    "I162",
    "压缩的像素数据无法解码",
    "the compressed pixel data cannot be decoded",
    *_WHOLE,
)
DECODER_CRASHED = _refusal(
    "I163",
    "像素数据使解码器崩溃或超出内存",
    "the pixel data crashed its decoder or ran out of memory",
    *_WHOLE,
)
TOO_SLOW = _refusal(
    "I164",
    "解码超时",
    "decoding took longer than the limit",
    "如确属正常，请提高 Limits.decode_s",
    "if it is what you expect, raise Limits.decode_s",
)
NO_DECODER = _refusal(
    "I165",
    "不支持此压缩方式",
    "this kind of compression is not read",
    "请导出为未压缩、JPEG、JPEG-LS、JPEG 2000 或 RLE",
    "export it uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE",
)
SLICES_MISSING = _refusal(
    "I166",
    "序列缺少层面",
    "slices of the series are missing",
    "请提供完整序列",
    "give the complete series",
)
SLICES_UNEQUAL = _refusal(
    "I167",
    "层间距不等",
    "the slices are not equally spaced",
    "请提供等间距重建的序列",
    "give a reconstruction with equal spacing",
)
SLICES_CLASH = _refusal(
    "I168",
    "同一位置有多个不同的层面",
    "different slices lie at the same place",
    "请分别提供各期相或回波的序列",
    "give each phase or echo as a series of its own",
)
AFFINE_ODD = _refusal(
    "I170",
    "NIfTI 仿射矩阵为零、倾斜或无效",
    "the NIfTI affine is zero, sheared or not valid",
    "请以正确的方位重新导出",
    "export it again with a right affine",
)
SEVERAL_IMAGES = _refusal(
    "I171",
    "含多幅图像",
    "holds several images where one was asked for",
    "请使用 read_images",
    "use read_images",
)
DIRECTORY_FILE = _refusal(
    "I172",
    "是 DICOMDIR 目录文件",
    "is a DICOMDIR, a list of files",
    "请给出其所在文件夹",
    "give the folder in which it lies",
)
ARCHIVE_FAULT = _refusal(
    "I173",
    "文件或压缩包无法打开",
    "the file or archive cannot be opened",
    "请解压后读取其中文件",
    "unpack it and read the files",
)
HEADER_CONTRADICTS = _refusal(
    "I174",
    "文件头对像素格式的说明矛盾或不受支持",
    "what the header says of the pixels contradicts itself or is not supported",
    *_WHOLE,
)
IS_A_REPORT = _refusal(
    "I175",
    "是 PDF 文档，不是图像",
    "is a PDF document, not an image",
    "请按报告读取：careloop.imaging.report",
    "read it as a report: careloop.imaging.report",
)
NO_FILES = _refusal(
    "I176",
    "文件夹中没有文件",
    "the folder holds no file",
    "请核对路径",
    "check the path",
)
