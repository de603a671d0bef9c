"""What can be said about measuring an image, as numbered findings I500 to I599."""

from __future__ import annotations

from careloop.records.finding import declare

NOT_READ = declare(
    "I500",
    "error",
    zh="图像无法读取，未测量",
    en="the image could not be read and was not measured",
    remedy_zh="见各文件的原因；请发送方重新导出，或补充像素间距",
    remedy_en="see the reason beside each file; ask for it again, or give the pixel spacing",
)
QUALITY_FAILED = declare(
    "I501",
    "error",
    zh="质量检查未通过，未测量",
    en="a quality check failed; the image was not measured",
    remedy_zh="重新拍摄或更正后再测；确需测量时加 --allow-failed，结果会注明",
    remedy_en="mend or repeat the image; --allow-failed measures it all the same and records that",
)
ALLOWED_ALTHOUGH_FAILED = declare(
    "I502",
    "warning",
    zh="质量检查未通过，但按要求仍进行了测量",
    en="measured on demand although a quality check failed",
    remedy_zh="分析时单独列出或剔除这些图像",
    remedy_en="keep these images apart, or leave them out, when you analyse",
)
AUTOMATIC_MASK = declare(
    "I503",
    "info",
    zh="自动掩膜：区域为按亮度自动分割的前景，不是专家勾画",
    en="automatic mask: the region is the bright foreground, not drawn by an expert",
    remedy_zh="用 --masks 给出勾画好的区域",
    remedy_en="give drawn regions with --masks",
)
NO_FOREGROUND = declare(
    "I504",
    "error",
    zh="找不到前景，没有可测量的区域",
    en="no foreground was found, so there is no region to measure",
    remedy_zh="用 --masks 给出区域",
    remedy_en="give the region with --masks",
)
NO_MASK = declare(
    "I505",
    "error",
    zh="掩膜文件夹中没有与该图像同名的掩膜",
    en="there is no mask of the image's name among the masks given",
    remedy_zh="掩膜文件与图像同名（不计扩展名），例如 a.dcm 与 a.png",
    remedy_en="name the mask as the image, whatever its suffix: a.dcm and a.png",
)
MASK_UNFIT = declare(
    "I506",
    "error",
    zh="掩膜与图像不符",
    en="the mask does not fit the image",
    remedy_zh="掩膜须与图像像素数相同，是单通道整数标签（PNG、TIFF、NIfTI、npy）",
    remedy_en="a mask has the image's pixels, one channel and whole labels (PNG, TIFF, NIfTI, npy)",
)
TOO_SMALL = declare(
    "I507",
    "error",
    zh="区域过小，无法测量",
    en="the region is too small to be measured",
    remedy_zh="检查掩膜的标签值和像素间距",
    remedy_en="check the labels of the mask and the pixel spacing",
)
UNDEFINED = declare(
    "I508",
    "info",
    zh="部分特征在该区域无定义，记为未知",
    en="some features are not defined in this region and stay unknown",
    remedy_zh="区域灰度只有一级或方向上没有像素对时会如此；无需处理",
    remedy_en="so it is with one grey level, or with no pairs in a direction; nothing to mend",
)
NOT_MEASURED = declare(
    "I509",
    "error",
    zh="测量中断，未得到结果",
    en="measuring broke off without a result",
    remedy_zh="请将该图像（去标识后）报告给我们",
    remedy_en="report it to us with the image, de-identified",
)
WORKER_DIED = declare(
    "I510",
    "error",
    zh="处理该文件的进程意外终止（内存不足或解码程序崩溃）",
    en="the process that worked on this file died (out of memory, or a decoder crashed)",
    remedy_zh="单独重试；若仍失败，请转换文件格式或增加内存",
    remedy_en="try it alone; if it dies again, convert the file or give more memory",
)
NO_PERSON = declare(
    "I511",
    "warning",
    zh="文件未写明是谁的图像：只写入表格，不入库",
    en="the file does not say whose image it is: it stands in the table only, not in the store",
    remedy_zh="用 --person 指明",
    remedy_en="say whose it is with --person",
)
NO_DATE = declare(
    "I512",
    "warning",
    zh="文件未写明拍摄日期：只写入表格，不入库",
    en="the file does not say when the image was taken: it stands in the table only",
    remedy_zh="请发送方导出带日期的 DICOM",
    remedy_en="ask for DICOM files with their dates",
)
OTHER_PERSONS = declare(
    "I513",
    "error",
    zh="指定了一个人，但文件写明属于多人：均未入库",
    en="one person was named, but the files name several: nothing was stored",
    remedy_zh="按人分开测量",
    remedy_en="measure each person's images on their own",
)
STACK = declare(
    "I514",
    "warning",
    zh="多层图像：质量检查只针对平面图像，未进行",
    en="a stack of slices: the quality checks are for plane images and were not made",
    remedy_zh="逐层查看图像",
    remedy_en="look through the slices",
)
RESAMPLED = declare(
    "I515",
    "info",
    zh="像素不是正方形，已重采样为正方形后测量",
    en="pixels are not square: resampled to square ones before measuring",
    remedy_zh="只与同样重采样的图像比较；也可在预处理中自行指定像素大小",
    remedy_en="compare with images resampled alike, or name the size in the pre-processing",
)
