"""The numbered findings of geometry, and the one error that carries such a finding."""

from __future__ import annotations

from typing import NoReturn

from careloop.error import InputError
from careloop.records.finding import FINDINGS, Finding, declare

END_NOT_IN_VIEW = declare(
    "I420",
    "info",
    zh="骨的一端超出图像",
    en="one end of the bone lies outside the image",
    remedy_zh="长度和“中段”只指视野内的部分；需要全长时请拍全骨",
    remedy_en="length and mid-shaft refer to the part in view; image the whole bone if they matter",
)
EMPTY_MASK = declare(
    "I421",
    "error",
    zh="掩膜为空，或与图像大小不符",
    en="the mask is empty or does not have the image's shape",
    remedy_zh="请提供与图像同样大小、标出该骨的掩膜",
    remedy_en="give a mask of the image's shape that marks the bone",
)
SEVERAL_BONES = declare(
    "I422",
    "error",
    zh="掩膜含多块骨，此处只能量一块",
    en="the mask holds several bones where one is expected",
    remedy_zh="请分别标出每块骨，例如先用 radius_and_ulna 分开桡骨与尺骨",
    remedy_en="mark each bone by itself, e.g. part radius and ulna with `radius_and_ulna`",
)
CUT_AT_SIDE = declare(
    "I423",
    "error",
    zh="骨在测量水平被图像边缘切断",
    en="the bone is cut by the image's edge where it is to be measured",
    remedy_zh="请换一个水平，或重新拍摄使骨的两侧都在视野内",
    remedy_en="measure at another level, or image again with both sides of the bone in view",
)
TOO_SHORT = declare(
    "I424",
    "error",
    zh="视野内的骨太短，无法确定骨轴",
    en="too little of the bone is in view to know its axis",
    remedy_zh="请提供骨干更长的图像或掩膜",
    remedy_en="give an image or a mask that shows more of the shaft",
)
NO_CORTEX = declare(
    "I425",
    "error",
    zh="未能找到皮质的内外缘",
    en="the edges of the cortex were not found",
    remedy_zh="请检查掩膜位置、像素大小是否足够细，或改用皮质掩膜",
    remedy_en="check where the mask lies and whether pixels are fine enough, or give a cortex mask",
)
LEVELS_DROPPED = declare(
    "I426",
    "warning",
    zh="部分水平未找到皮质边缘，已舍去",
    en="at some levels of the band the edges were not found; they were left out",
    remedy_zh="请查看图像：可能有骨折、金属或重叠",
    remedy_en="look at the image: a fracture, metal or overlap may be the cause",
)
LEVELS_SCATTER = declare(
    "I427",
    "warning",
    zh="各水平的皮质厚度相差较大",
    en="cortical thickness differs much between the levels of the band",
    remedy_zh="请核对边缘是否画在皮质上",
    remedy_en="check that the edges lie on the cortex",
)
LANDMARK_NOT_IN_VIEW = declare(
    "I428",
    "error",
    zh="解剖标志点不在视野内或无法确定",
    en="an anatomical landmark is not in view or cannot be told",
    remedy_zh="请拍到关节面全部并留出边缘，或检查方向参数",
    remedy_en="image the whole articular end with a margin, or check the directions given",
)
ISLANDS_IGNORED = declare(
    "I429",
    "info",
    zh="掩膜中的小孤岛已忽略",
    en="small islands of the mask were ignored",
    remedy_zh="无需处理；若孤岛是骨，请检查分割",
    remedy_en="nothing to do, unless an island is bone: then check the segmentation",
)
NOT_BMD = declare(
    "I430",
    "error",
    zh="像素不是骨密度（g/cm²），不能计算以质量为基础的指标",
    en="the pixels are not g/cm², so nothing that rests on mass can be measured",
    remedy_zh="需要骨密度图；DXA 显示图像（8 位）不是骨密度图",
    remedy_en="give a BMD map; the picture a DXA device shows is contrast-mapped and is none",
)
POOR_FIT = declare(
    "I431",
    "warning",
    zh="空心管模型与剖面不太相符",
    en="the profile is not much like that of a hollow bone",
    remedy_zh="请改用 gradient 边缘并人工核对",
    remedy_en="use edges='gradient' and check by eye",
)
NO_NECK = declare(
    "I432",
    "error",
    zh="未能在掩膜上自动放置股骨颈轴",
    en="the neck axis could not be placed on this mask",
    remedy_zh="请提供完整的股骨近端掩膜（头、颈、转子、至少 4 cm 股骨干），不含骨盆",
    remedy_en="give a mask of the whole proximal femur (head, neck, trochanter, shaft), no pelvis",
)
NO_ANNULUS = declare(
    "I433",
    "error",
    zh="圆环模型无解：皮质面积大于整个截面",
    en="the annulus model has no answer: more cortex than the section can hold",
    remedy_zh="请检查像素大小、骨密度单位和截面宽度",
    remedy_en="check pixel size, the unit of BMD and the width of the section",
)
BONES_ALIKE = declare(
    "I434",
    "error",
    zh="无法区分桡骨与尺骨",
    en="radius and ulna cannot be told apart",
    remedy_zh="请检查远端方向，并确保两骨远端都在视野内、互不相连",
    remedy_en="check the distal direction; both distal ends must be in view and not touch",
)
BOWED = declare(
    "I435",
    "warning",
    zh="骨中线明显弯曲，直轴只是近似",
    en="the midline is bowed: a straight axis is only near it",
    remedy_zh="请在弯曲较小的一段测量",
    remedy_en="measure where the bone is straighter",
)
LEVEL_NOT_IN_VIEW = declare(
    "I436",
    "error",
    zh="测量水平不在视野内",
    en="the level to be measured is not in view",
    remedy_zh="请提供包含该水平的图像，或指定其他水平",
    remedy_en="give an image that shows the level, or name another",
)
DENSITY_NOT_FINITE = declare(
    "I437",
    "error",
    zh="掩膜内有缺失或无穷的像素值",
    en="pixels in the mask are missing or infinite",
    remedy_zh="请先修补或缩小掩膜",
    remedy_en="mend those pixels first or shrink the mask",
)


class NotMeasurable(InputError):
    """A geometric measurement is refused; `finding` says by number why."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        kind = FINDINGS[finding.code]
        problem = f"{kind.en} ({finding.detail})" if finding.detail else kind.en
        super().__init__(f"{finding.code} {problem}", where=finding.where, remedy=kind.remedy_en)


def refuse(code: str, *, where: str, detail: str = "") -> NoReturn:
    """Raise `NotMeasurable` with the finding of this code."""
    raise NotMeasurable(Finding(code, where, detail=detail))
