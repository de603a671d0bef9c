"""What is done for a person: where they stand, which lists they are on, visits, calls, referrals.

Clinical values are never here but in facts. A visit's answers become facts in the same transaction;
`Visit.answers` keeps what was typed, so that a form can be opened and corrected.
"""

from __future__ import annotations

import uuid

from django.db import models

from careloop.web.accounts.guard import PersonData


class Standing(PersonData):
    """Where a resident stands in a programme, as of the newest fact; made anew after each save.

    `answers` holds what pages show without computing: decision outcomes, scores, missing inputs.
    """

    resident = models.ForeignKey("registry.Resident", models.CASCADE, related_name="standings")
    programme = models.CharField(max_length=40)
    as_of = models.DateField()
    level = models.SmallIntegerField(default=0)  # 0 unknown, 1 low … as the programme orders them
    next_step = models.CharField(max_length=60, blank=True)
    counted = models.PositiveIntegerField(default=0)  # `Worklists.counted`: steps of the cascade
    answers = models.JSONField(default=dict)
    made_at = models.DateTimeField(auto_now=True)

    class Meta(PersonData.Meta):
        """One a person and programme."""

        abstract = False
        constraints = (
            models.UniqueConstraint(fields=("resident", "programme"), name="standing_once"),
        )
        indexes = (
            models.Index(fields=("organisation", "programme", "-level"), name="standing_of"),
            models.Index(fields=("as_of",), name="standing_day"),
            models.Index(
                fields=("programme", "counted", "organisation", "resident"),
                name="standing_counted",
            ),
        )

    def __str__(self) -> str:
        return f"{self.resident_id} {self.programme}"


class Listed(PersonData):
    """A resident is on a worklist of a programme; `rank` orders the list, the lowest first."""

    resident = models.ForeignKey("registry.Resident", models.CASCADE, related_name="listed")
    programme = models.CharField(max_length=40)
    worklist = models.CharField(max_length=40)
    rank = models.FloatField(default=0)
    due_on = models.DateField(null=True)
    off_until = models.DateField(null=True)  # off the list after a call up to this day: `called`
    because = models.JSONField(default=dict)
    since = models.DateField()

    class Meta(PersonData.Meta):
        """Read by place, in order."""

        abstract = False
        constraints = (
            models.UniqueConstraint(
                fields=("resident", "programme", "worklist"), name="listed_once"
            ),
        )
        indexes = (
            models.Index(
                fields=(
                    "programme",
                    "worklist",
                    "organisation",
                    "rank",
                    "resident",
                    "off_until",
                ),
                name="listed_order",
            ),
            # For whoever reaches most of a list: its first people, and how many there are.
            models.Index(fields=("programme", "worklist", "rank", "id"), name="listed_rank"),
            models.Index(
                fields=("programme", "worklist", "organisation", "off_until"), name="listed_count"
            ),
        )

    def __str__(self) -> str:
        return f"{self.worklist} {self.resident_id}"


class Visit(PersonData):
    """A contact at which something was recorded. `version` grows with each correction.

    `request_key` comes from the form: the same form sent twice is one visit.
    """

    KINDS = (
        ("screening", "筛查"),
        ("home", "家庭随访"),
        ("community", "社区随访"),
        ("hospital", "医院随访"),
        ("phone", "电话随访"),
        ("dxa", "骨密度检查"),
        ("outcome", "重要事件报告"),
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request_key = models.UUIDField(unique=True)
    resident = models.ForeignKey("registry.Resident", models.PROTECT, related_name="visits")
    programme = models.CharField(max_length=40)
    kind = models.CharField(max_length=16, choices=KINDS)
    happened_on = models.DateField()
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    version = models.PositiveIntegerField(default=1)
    answers = models.JSONField(default=dict)
    source = models.CharField(max_length=128)  # Source.source_id of the facts that stand now
    saved_at = models.DateTimeField(auto_now=True)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta(PersonData.Meta):
        """Newest first."""

        abstract = False
        ordering = ("-happened_on", "-pk")
        indexes = (
            models.Index(fields=("resident", "-happened_on"), name="visit_of_resident"),
            models.Index(fields=("organisation", "-happened_on"), name="visit_of_place"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.happened_on}"


class VisitVersion(PersonData):
    """A visit as somebody saved it; none is ever changed."""

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="versions")
    resident = models.ForeignKey("registry.Resident", models.PROTECT, related_name="+")
    version = models.PositiveIntegerField()
    happened_on = models.DateField(null=True)
    answers = models.JSONField()
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    saved_at = models.DateTimeField(auto_now_add=True)

    class Meta(PersonData.Meta):
        """Each number once."""

        abstract = False
        constraints = (
            models.UniqueConstraint(fields=("visit", "version"), name="visit_version_once"),
        )

    def __str__(self) -> str:
        return f"{self.visit_id} v{self.version}"


class Task(PersonData):
    """Something due for a resident: a follow-up, a call, an injection, a test."""

    STATES = (("open", "待办"), ("done", "完成"), ("removed", "取消"))
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    resident = models.ForeignKey("registry.Resident", models.CASCADE, related_name="tasks")
    programme = models.CharField(max_length=40)
    kind = models.CharField(max_length=40)  # a step of the programme's schedule
    due_on = models.DateField()
    state = models.CharField(max_length=8, choices=STATES, default="open")
    visit = models.ForeignKey(Visit, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta(PersonData.Meta):
        """Read by place and day."""

        abstract = False
        constraints = (
            models.UniqueConstraint(
                fields=("resident", "programme", "kind", "due_on"), name="task_once"
            ),
        )
        indexes = (
            models.Index(
                fields=("organisation", "state", "due_on", "programme"), name="task_of_place"
            ),
            models.Index(fields=("resident", "state", "due_on"), name="task_of_resident"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.due_on}"


class Call(PersonData):
    """What came of calling somebody who is due or overdue."""

    RESULTS = (("agreed", "同意就诊"), ("later", "稍后再联系"), ("removed", "移出名单"))
    resident = models.ForeignKey("registry.Resident", models.CASCADE, related_name="calls")
    task = models.ForeignKey(Task, models.SET_NULL, null=True, related_name="calls")
    worklist = models.CharField(max_length=40, blank=True)
    result = models.CharField(max_length=8, choices=RESULTS)
    remind_on = models.DateField(null=True)
    reason = models.CharField(max_length=40, blank=True)
    note = models.TextField(blank=True)
    request_key = models.UUIDField(null=True)  # the form it came from; one for several people
    holds = models.BooleanField(default=True)  # until a newer result, or undone
    assigned = models.ForeignKey(Task, models.SET_NULL, null=True, related_name="+")
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    called_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True)

    class Meta(PersonData.Meta):
        """Newest first for one person."""

        abstract = False
        indexes = (
            models.Index(fields=("resident", "-called_at"), name="call_of_resident"),
            models.Index(fields=("worklist", "holds", "organisation"), name="call_holding"),
            models.Index(fields=("author", "request_key"), name="call_of_form"),
        )

    def __str__(self) -> str:
        return f"{self.result} {self.called_at:%Y-%m-%d}"


class Referral(PersonData):
    """A resident sent up or down the tree, until the other side has acknowledged and answered."""

    STATES = (
        ("sent", "已发出"),
        ("acknowledged", "已接收"),
        ("answered", "已答复"),
        ("cancelled", "已取消"),
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request_key = models.UUIDField(unique=True)
    resident = models.ForeignKey("registry.Resident", models.PROTECT, related_name="referrals")
    from_organisation = models.ForeignKey("accounts.Organisation", models.PROTECT, related_name="+")
    to_organisation = models.ForeignKey("accounts.Organisation", models.PROTECT, related_name="+")
    urgent = models.BooleanField(default=False)
    reason = models.TextField()
    answer = models.TextField(blank=True)
    state = models.CharField(max_length=12, choices=STATES, default="sent")
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    sent_at = models.DateTimeField(auto_now_add=True)
    acknowledged_by = models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    cancelled_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    cancelled_at = models.DateTimeField(null=True)
    cancel_reason = models.TextField(blank=True)

    class Meta(PersonData.Meta):
        """Read by the receiving place."""

        abstract = False
        indexes = (
            models.Index(fields=("to_organisation", "state", "sent_at"), name="referral_to"),
            models.Index(fields=("from_organisation", "state", "sent_at"), name="referral_from"),
            models.Index(fields=("resident", "-sent_at"), name="referral_of_resident"),
        )

    def __str__(self) -> str:
        return f"{self.state} {self.sent_at:%Y-%m-%d}"


class PlanDecision(PersonData):
    """What a doctor decided on one item of a proposed plan; the newest of an item counts."""

    DECISIONS = (("accepted", "采纳"), ("edited", "修改"), ("rejected", "不采纳"))
    resident = models.ForeignKey("registry.Resident", models.PROTECT, related_name="decisions")
    programme = models.CharField(max_length=40)
    guideline = models.CharField(max_length=60)
    item = models.CharField(max_length=120)
    decision = models.CharField(max_length=8, choices=DECISIONS)
    proposed = models.TextField()  # the words that were decided on
    text = models.TextField(blank=True)  # what stands instead, where edited
    reason = models.TextField(blank=True)
    grounds = models.JSONField(default=dict)  # checks and cautions that stood beside the words
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta(PersonData.Meta):
        """Newest first for one person."""

        abstract = False
        indexes = (models.Index(fields=("resident", "item", "-decided_at"), name="decision_of"),)

    def __str__(self) -> str:
        return f"{self.decision} {self.item}"


class Consent(PersonData):
    """What a resident agreed to, and until when (PIPL Art. 14-15, 29: withdrawing is as easy)."""

    SCOPES = (
        ("care", "诊疗与随访"),
        ("sensitive", "敏感健康信息处理"),
        ("research", "科研使用"),
        ("model_training", "模型训练"),
        ("cross_border", "跨境提供"),
    )
    resident = models.ForeignKey("registry.Resident", models.PROTECT, related_name="consents")
    scope = models.CharField(max_length=16, choices=SCOPES)
    text_version = models.CharField(max_length=20)
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    recorded_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")

    class Meta(PersonData.Meta):
        """By person."""

        abstract = False
        indexes = (models.Index(fields=("resident", "scope"), name="consent_of_resident"),)

    def __str__(self) -> str:
        return f"{self.scope} {self.given_at:%Y-%m-%d}"


class Message(PersonData):
    """A message between a resident and the people who look after them."""

    resident = models.ForeignKey("registry.Resident", models.PROTECT, related_name="messages")
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    from_resident = models.BooleanField(default=False)
    text = models.TextField()
    sent_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)

    class Meta(PersonData.Meta):
        """Newest first for one person."""

        abstract = False
        indexes = (models.Index(fields=("resident", "-sent_at"), name="message_of_resident"),)

    def __str__(self) -> str:
        return f"{self.sent_at:%Y-%m-%d}"


class Merge(PersonData):
    """Two registrations of one person brought together, and everything needed to undo it."""

    resident = models.ForeignKey("registry.Resident", models.PROTECT, related_name="+")  # stays
    other = models.ForeignKey("registry.Resident", models.PROTECT, related_name="+")  # is merged
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    merged_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    moved = models.JSONField(default=dict)  # model → primary keys that pointed to `other`

    class Meta(PersonData.Meta):
        """By person."""

        abstract = False

    def __str__(self) -> str:
        return f"{self.other_id} → {self.resident_id}"
