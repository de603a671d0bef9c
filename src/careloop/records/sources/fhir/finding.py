"""What a FHIR reading can find fault with: F201 and following.

A code never changes its meaning; a new fault takes the next free number.
"""

from __future__ import annotations

from careloop.records.finding import declare

_ASK = "请发送方更正后重新导出"
_ASK_EN = "ask the sender to correct and export again"

MALFORMED = declare(
    "F201",
    "error",
    zh="资源结构不符合 FHIR R4,未采用",
    en="The resource is not built as FHIR R4 says; it was not taken",
    remedy_zh=_ASK,
    remedy_en=_ASK_EN,
)
NO_SUBJECT = declare(
    "F202",
    "error",
    zh="资源没有说明是谁的(缺 subject/patient),未采用",
    en="The resource does not say whose it is (no subject or patient); it was not taken",
    remedy_zh=_ASK,
    remedy_en=_ASK_EN,
)
UNKNOWN_SUBJECT = declare(
    "F203",
    "error",
    zh="资源指向的人在文件中找不到，未采用",
    en="The person the resource points to is not to be found in the file; it was not taken",
    remedy_zh="与 Patient 资源一起导出，或用 Patient/编号 引用；检查所选的标识系统",
    remedy_en="export it with its Patient, or refer to Patient/id; check the identifier system",
)
NO_TIME = declare(
    "F204",
    "error",
    zh="资源没有任何日期，未采用",
    en="The resource carries no date at all; it was not taken",
    remedy_zh=_ASK,
    remedy_en=_ASK_EN,
)
BAD_TIME = declare(
    "F205",
    "error",
    zh="日期不是 FHIR 格式或不存在，未采用",
    en="The date is not written as FHIR says or does not exist; it was not taken",
    remedy_zh="日期写成 2019、2019-06、2019-06-30 或 2019-06-30T08:00:00+08:00",
    remedy_en="write dates as 2019, 2019-06, 2019-06-30 or 2019-06-30T08:00:00+08:00",
)
FUTURE = declare(
    "F206",
    "error",
    zh="日期在将来，未采用",
    en="The date lies in the future; it was not taken",
    remedy_zh="检查发送方的时钟和日期；不完整的日期请写全",
    remedy_en="check the sender's clock and dates; write partial dates in full",
)
BAD_UNIT = declare(
    "F207",
    "error",
    zh="单位无法识别或不能换算，未采用",
    en="The unit is not understood or does not convert; it was not taken",
    remedy_zh="使用 UCUM 单位",
    remedy_en="use UCUM units",
)
NO_UNIT = declare(
    "F208",
    "error",
    zh="数值没有单位，未采用",
    en="The number has no unit; it was not taken",
    remedy_zh="发送 valueQuantity 的 system、code(UCUM)",
    remedy_en="send system and code (UCUM) of the valueQuantity",
)
OUT_OF_RANGE = declare(
    "F209",
    "error",
    zh="数值超出合理范围，未采用",
    en="The value lies outside what is plausible; it was not taken",
    remedy_zh="核对数值和单位",
    remedy_en="check value and unit",
)
SITE_UNSAID = declare(
    "F210",
    "warning",
    zh="代码规定了部位，但发送方的名称没有说明部位；按代码的正式定义保存，不用于其他部位",
    en="The code stands for a body site that the sender's words do not name; the value is kept "
    "under the code's official definition and is not used for any other site",
    remedy_zh="请发送方确认测量部位，并发送 bodySite 和对应代码",
    remedy_en="ask the sender which site was measured; send bodySite and the code of that site",
)
SITE_NEEDED = declare(
    "F211",
    "error",
    zh="该代码需要说明部位或关系才能归类，未采用",
    en="The code means several things and the sender does not say which; it was not taken",
    remedy_zh="发送 bodySite(左右、部位)或亲属关系",
    remedy_en="send bodySite (site, side) or the relationship",
)
BAD_VALUE = declare(
    "F212",
    "error",
    zh="值的类型或编码不能用于该变量，未采用",
    en="The type or code of the value does not fit the variable; it was not taken",
    remedy_zh="发送变量所需类型的值；编码值须在字典中",
    remedy_en="send a value of the variable's kind; coded values must be in the dictionary",
)
BOUND = declare(
    "F213",
    "warning",
    zh="发送方只给出界限(如 <5);按界限值保存，原文保留",
    en="The sender gives only a bound (as <5); the bound is kept as the value, with the original",
    remedy_zh="阅读时注意原文",
    remedy_en="mind the original when reading it",
)
NO_STATUS = declare(
    "F214",
    "warning",
    zh="资源没有状态，按已确认采用",
    en="The resource has no status; it was taken as final",
    remedy_zh=_ASK,
    remedy_en=_ASK_EN,
)
END_UNKNOWN = declare(
    "F215",
    "info",
    zh="已停止，但没有说明何时停止；只算到开始当日，之后不算正在进行",
    en="It has ended but nobody says when; it counts as over from its own day on",
    remedy_zh="请发送方给出结束日期",
    remedy_en="ask the sender for the end date",
)
PARTIAL_BIRTH_DATE = declare(
    "F216",
    "warning",
    zh="出生日期不完整；按允许的最后一天计算年龄",
    en="The birth date is partial; the age is computed from the last day it allows",
    remedy_zh="补全出生日期",
    remedy_en="complete the birth date",
)
SEX_UNKNOWN = declare(
    "F217",
    "warning",
    zh="性别不是男或女；按未知处理",
    en="The gender is neither male nor female; the sex stays unknown",
    remedy_zh="补充出生性别",
    remedy_en="complete the sex recorded at birth",
)
DEATH_DATE_UNKNOWN = declare(
    "F218",
    "warning",
    zh="已故，但没有死亡日期",
    en="The person has died but no date is given",
    remedy_zh="补充死亡日期",
    remedy_en="complete the date of death",
)
PATIENT_LINKED = declare(
    "F219",
    "warning",
    zh="发送方说明该患者记录已停用或与另一记录相连；两个记录仍分开保存",
    en="The sender marks this Patient as inactive or linked to another; they are kept apart",
    remedy_zh="在身份合并中核对",
    remedy_en="check it when identities are merged",
)
MEDICATION_UNKNOWN = declare(
    "F220",
    "error",
    zh="引用的药品在文件中找不到，未采用",
    en="The medication referred to is not to be found in the file; it was not taken",
    remedy_zh="与 Medication 资源一起导出，或直接写 medicationCodeableConcept",
    remedy_en="export it with its Medication, or write medicationCodeableConcept",
)
TOO_LONG = declare(
    "F221",
    "error",
    zh="文字过长，未采用",
    en="The text is too long; it was not taken",
    remedy_zh=_ASK,
    remedy_en=_ASK_EN,
)
NOT_FHIR_MEMBER = declare(
    "F222",
    "warning",
    zh="压缩包中的这个文件不是 FHIR JSON,已跳过",
    en="This file in the archive is no FHIR JSON; it was passed over",
    remedy_zh="若其中有数据，请另行导入",
    remedy_en="if it holds data, import it by itself",
)
REJECTED_CUT = declare(
    "F223",
    "warning",
    zh="被拒资源过多，被拒文件只列出前一部分；计数仍完整",
    en="So many resources were rejected that the file of rejected ones lists the first only; "
    "the counts are complete",
    remedy_zh="先更正已列出的问题，再导入",
    remedy_en="correct what is listed, then import again",
)
RECORDED_IN_FUTURE = declare(
    "F224",
    "warning",
    zh="记录时间在将来或不可读；改用发生时间",
    en="The time of recording lies in the future or cannot be read; the effective time stands "
    "for it",
    remedy_zh="检查发送方的时钟",
    remedy_en="check the sender's clock",
)
NO_BIRTH_DATE = declare(
    "F225",
    "warning",
    zh="没有出生日期，年龄未知",
    en="There is no birth date; the age is unknown",
    remedy_zh="补充出生日期",
    remedy_en="complete the birth date",
)
ETHNIC_GROUP_UNCLEAR = declare(
    "F226",
    "info",
    zh="族裔编码不能唯一对应字典中的分组；按未知处理",
    en="The race codes do not lead to one ethnic group of the dictionary; it stays unknown",
    remedy_zh="发送更具体的编码",
    remedy_en="send a more specific code",
)
END_BEFORE_START = declare(
    "F227",
    "warning",
    zh="结束早于开始；按开始当日即结束处理",
    en="It ends before it begins; it counts as over from the day it began",
    remedy_zh="核对起止日期",
    remedy_en="check both dates",
)
SITE_CONTRADICTS = declare(
    "F228",
    "error",
    zh="代码规定的部位与发送方说明的部位矛盾，未采用",
    en="The code stands for one body site and the sender's words name another; it was not taken",
    remedy_zh="请发送方确认测量部位，并改正代码或 bodySite",
    remedy_en="ask the sender which site was measured; correct the code or bodySite",
)
