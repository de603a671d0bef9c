"""What a reader remarks (I101–I149), in both languages; refusals are in `reason`."""

from __future__ import annotations

from careloop.records.finding import declare

BROKEN_VALUES = declare(
    "I101",
    "info",
    zh="文件头中有不符合 DICOM 标准的值",
    en="the header holds values that break the DICOM standard",
    remedy_zh="如所需信息未受影响可忽略；否则请发送方修正",
    remedy_en="ignore it if what you need is there; otherwise ask the sender to mend the export",
)
CHARSET_RESCUED = declare(
    "I102",
    "warning",
    zh="文字未声明（或误声明）字符集，已按 GB18030 或 UTF-8 解读",
    en="text without (or with a wrong) character set was read as GB18030 or UTF-8",
    remedy_zh="请核对姓名；请设备商把 (0008,0005) 设为 GB18030",
    remedy_en="check the name; ask the vendor to set (0008,0005) to GB18030",
)
CHARSET_BROKEN = declare(
    "I103",
    "warning",
    zh="文字无法按所声明的字符集解读，部分字符未知",
    en="text cannot be read in its declared character set; some characters are unknown",
    remedy_zh="请在原系统中核对姓名",
    remedy_en="look the name up where the file came from",
)
DATE_UNKNOWN = declare(
    "I104",
    "warning",
    zh="日期或时间无效，按未知处理",
    en="a date or time is not valid and counts as unknown",
    remedy_zh="请在原系统中核对日期",
    remedy_en="look the date up where the file came from",
)
INVERTED = declare(
    "I105",
    "info",
    zh="图像以低值为亮（MONOCHROME1 或前处理数据），已反转，使骨为亮",
    en="low values stood for bright (MONOCHROME1, WhiteIsZero or FOR PROCESSING); "
    "the picture was inverted so that bone is bright",
    remedy_zh="无需处理",
    remedy_en="nothing to do",
)
COLOUR = declare(
    "I106",
    "info",
    zh="彩色图像已转换为亮度",
    en="a colour picture was reduced to its luminance",
    remedy_zh="如有原始灰度图像，请使用原图",
    remedy_en="use the original grey-scale image if there is one",
)
CONTRAST_MAPPED = declare(
    "I107",
    "warning",
    zh="这是 DXA 设备的显示图像（经对比度映射），不是骨密度图",
    en="a picture shown by a DXA device: contrast-mapped, not a BMD map",
    remedy_zh="灰度不是 g/cm²；骨密度值请从报告读取",
    remedy_en="its grey values are not g/cm²; take BMD from the report",
)
AT_DETECTOR = declare(
    "I108",
    "warning",
    zh="像素尺寸为探测器平面的尺寸，放大率未校正",
    en="the pixel size is that at the detector; magnification is not corrected",
    remedy_zh="长度和面积偏大；可用标尺校准后以 --spacing（Python：spacing_mm）给出像素尺寸",
    remedy_en="lengths and areas come out too large; calibrate with a marker and give spacing_mm",
)
SPACING_DISAGREES = declare(
    "I109",
    "warning",
    zh="文件中多处像素尺寸不一致",
    en="the sources of the pixel size in the file disagree",
    remedy_zh="请核对像素尺寸，必要时以 --spacing（Python：spacing_mm）给出",
    remedy_en="check the pixel size; give spacing_mm where you know it",
)
FROM_EXPOSED_AREA = declare(
    "I110",
    "info",
    zh="像素尺寸由曝光面积（整毫米）除以矩阵求得",
    en="the pixel size is the exposed area (whole millimetres) divided by the matrix",
    remedy_zh="精度受整毫米取整限制（见详情）",
    remedy_en="its precision is limited by the rounding to whole millimetres (see the detail)",
)
AREA_OF_UNKNOWN_DEVICE = declare(
    "I111",
    "warning",
    zh="曝光面积来自未识别的设备，可能不等于图像范围",
    en="the exposed area comes from a device that is not known to mean the picture by it",
    remedy_zh="请核对像素尺寸，或以 --spacing（Python：spacing_mm）给出",
    remedy_en="check the pixel size, or give spacing_mm",
)
GIVEN_DISAGREES = declare(
    "I112",
    "warning",
    zh="给出的像素尺寸与文件中的不一致；采用给出的值",
    en="the pixel size given differs from the file's; the one given is used",
    remedy_zh="请核对 spacing_mm",
    remedy_en="check spacing_mm",
)
SECONDARY_CAPTURE = declare(
    "I113",
    "warning",
    zh="二次捕获图像：灰度为屏幕显示值",
    en="a secondary capture: its grey values are those of a screen",
    remedy_zh="如有原始图像，请使用原图",
    remedy_en="use the original image if there is one",
)
POLARITY_DOUBTFUL = declare(
    "I114",
    "warning",
    zh="光度解释与像素强度关系符号矛盾，骨可能为暗",
    en="photometric interpretation and pixel intensity sign contradict; bone may be dark",
    remedy_zh="请目视核对",
    remedy_en="check by eye",
)
SIDE_DOUBTFUL = declare(
    "I115",
    "warning",
    zh="侧别标记与检查名称矛盾，侧别按未知处理",
    en="the laterality contradicts the name of the examination; the side counts as unknown",
    remedy_zh="请核对左右",
    remedy_en="check left and right",
)
HEADER_GUESSED = declare(
    "I116",
    "warning",
    zh="缺少前导或文件元信息，传输语法由内容推断",
    en="preamble or file meta information is missing; the transfer syntax was told by content",
    remedy_zh="请核对图像；最好由发送方重新导出",
    remedy_en="check the picture; better ask the sender for a complete export",
)
BITS_CLEARED = declare(
    "I117",
    "info",
    zh="存储位以外的数据位（如叠加层）已清除",
    en="bits beyond the stored ones (such as an overlay) were cleared",
    remedy_zh="无需处理",
    remedy_en="nothing to do",
)
LOSSY = declare(
    "I118",
    "warning",
    zh="图像经有损压缩，纹理指标可能改变",
    en="the picture was compressed with loss; texture may be changed",
    remedy_zh="如有无损原图，请使用原图",
    remedy_en="use the lossless original if there is one",
)
SLICES_DOUBLE = declare(
    "I120",
    "info",
    zh="重复的层面已去除",
    en="slices that came twice were taken once",
    remedy_zh="无需处理",
    remedy_en="nothing to do",
)
SLICES_UNEVEN = declare(
    "I121",
    "warning",
    zh="层间距略有不等，采用平均值",
    en="the slices are not quite equally spaced; their mean step is used",
    remedy_zh="三维指标会有相应误差",
    remedy_en="measurements in 3-D err by as much",
)
SLICES_SHEARED = declare(
    "I122",
    "warning",
    zh="层面沿法线之外的方向移位（机架倾斜）",
    en="the slices are shifted across their normal (gantry tilt)",
    remedy_zh="逐层测量有效；三维测量前请先校正",
    remedy_en="measure slice by slice; correct the tilt before measuring in 3-D",
)
NOT_STACKED = declare(
    "I123",
    "warning",
    zh="层面没有位置信息，未组成体积",
    en="a slice without its position in space; it was not stacked",
    remedy_zh="按单幅图像使用，或请发送方提供完整序列",
    remedy_en="use it as a single image, or ask for the complete series",
)
NOT_HOUNSFIELD = declare(
    "I124",
    "warning",
    zh="CT 没有换算为 HU 的信息，灰度不是 HU",
    en="a CT without rescaling to Hounsfield units: its values are not HU",
    remedy_zh="请发送方提供含 Rescale Slope/Intercept 的原图",
    remedy_en="ask for the original with Rescale Slope and Intercept",
)
DEPTH_REDUCED = declare(
    "I125",
    "warning",
    zh="16 位彩色图像按 8 位读取",
    en="a colour picture of 16 bits was read at 8 bits",
    remedy_zh="请保存为 16 位灰度图",
    remedy_en="save it as 16-bit grey scale",
)
TRANSPARENT = declare(
    "I126",
    "warning",
    zh="图像有透明部分，已置于黑色背景",
    en="the picture is partly transparent; it was laid on black",
    remedy_zh="请去除透明度后再保存",
    remedy_en="save it without transparency",
)
MODALITY_GUESSED = declare(
    "I127",
    "warning",
    zh="NIfTI 不含成像方式；因数值符合 HU，按 CT 处理",
    en="NIfTI names no modality; taken as CT because its values look like Hounsfield units",
    remedy_zh="如不是 CT，请勿使用 HU 指标",
    remedy_en="do not use HU measurements if it is not a CT",
)
UNIT_ASSUMED = declare(
    "I128",
    "warning",
    zh="NIfTI 未说明长度单位，按毫米处理",
    en="NIfTI names no unit of length; millimetres are assumed",
    remedy_zh="请核对像素尺寸",
    remedy_en="check the pixel size",
)
ORIENTATION_UNKNOWN = declare(
    "I129",
    "warning",
    zh="NIfTI 未说明方位，左右与上下未知",
    en="NIfTI names no orientation; left, right, up and down are unknown",
    remedy_zh="请核对方位",
    remedy_en="check the orientation",
)
NOT_SHOWN = declare(
    "I130",
    "info",
    zh="像素数据多于文件头所述，多余部分未读",
    en="there is more pixel data than the header tells of; the rest was not read",
    remedy_zh="请核对图像",
    remedy_en="check the picture",
)
SEVERAL_STACKS = declare(
    "I131",
    "info",
    zh="一个序列含多个采集，已分为多个体积",
    en="one series holds several acquisitions; each became a stack of its own",
    remedy_zh="无需处理",
    remedy_en="nothing to do",
)
SERIES_GUESSED = declare(
    "I132",
    "warning",
    zh="缺少序列号（SeriesInstanceUID），按同一文件夹与参考坐标系归为一个序列",
    en="SeriesInstanceUID is missing; slices of one folder and frame of reference are a series",
    remedy_zh="请核对层面是否属于同一检查",
    remedy_en="check that the slices belong to one examination",
)
