"""Shops 店铺 and how they come to be."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from backend.core.states import Transitions


class OwnerType(models.TextChoices):
    """Who may own a shop: merchants of any size (B3)."""

    INDIVIDUAL = "individual", "individual 个人"
    INDIVIDUAL_BUSINESS = "individual_business", "individual business 个体工商户"
    ENTERPRISE = "enterprise", "enterprise 企业"


class ShopApplication(models.Model):
    """An account asks for a shop. There is no follower field here, and there never will be: 0
    fans can open the store (B1)."""

    class Status(models.TextChoices):
        DRAFT = "draft", "draft 草稿"
        SUBMITTED = "submitted", "submitted 已提交"
        APPROVED = "approved", "approved 已通过"
        REJECTED = "rejected", "rejected 已驳回"

    TRANSITIONS: Transitions = {
        Status.DRAFT: frozenset({Status.SUBMITTED}),
        Status.SUBMITTED: frozenset({Status.APPROVED, Status.REJECTED}),
        Status.REJECTED: frozenset({Status.SUBMITTED}),
        Status.APPROVED: frozenset(),
    }

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    shop_name = models.CharField(max_length=40)
    name_skeleton = models.CharField(max_length=80, editable=False)
    intro = models.CharField(max_length=300, default="", blank=True)
    owner_type = models.CharField(max_length=19, choices=OwnerType)
    licence_number = models.CharField(max_length=30, default="", blank=True)
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT)
    reject_reason = models.CharField(max_length=300, default="", blank=True)
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=~Q(status="approved"),
                name="shop_application_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(status="rejected") | ~Q(reject_reason=""),
                name="shop_application_reason",
            ),
        ]
        verbose_name = "shop application 开店申请"
        verbose_name_plural = "shop applications 开店申请"

    def __str__(self) -> str:
        return self.shop_name


class Shop(models.Model):
    """A shop belongs to one account (号店一体)."""

    class Kind(models.TextChoices):
        THIRD_PARTY = "third_party", "third party 第三方"
        SELF_OPERATED = "self_operated", "self-operated 自营"

    class Status(models.TextChoices):
        OPEN = "open", "open 营业"
        SUSPENDED = "suspended", "suspended 停业"
        CLOSING = "closing", "closing 清算中"
        CLOSED = "closed", "closed 已关闭"

    TRANSITIONS: Transitions = {
        Status.OPEN: frozenset({Status.SUSPENDED, Status.CLOSING}),
        Status.SUSPENDED: frozenset({Status.OPEN}),
        Status.CLOSING: frozenset({Status.CLOSED}),
        Status.CLOSED: frozenset(),
    }

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="shop"
    )
    name = models.CharField(max_length=40)
    name_skeleton = models.CharField(max_length=80, editable=False)
    intro = models.CharField(max_length=300, default="", blank=True)
    owner_type = models.CharField(max_length=19, choices=OwnerType)
    kind = models.CharField(max_length=13, choices=Kind, default=Kind.THIRD_PARTY)
    licence_number = models.CharField(max_length=30, default="", blank=True)
    fee_bps = models.PositiveIntegerField(help_text="platform fee on the net amount paid, bps")
    status = models.CharField(max_length=9, choices=Status, default=Status.OPEN)
    suspended_reason = models.CharField(max_length=300, default="", blank=True)
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name_skeleton"],
                condition=~Q(status="closed"),
                name="shop_name_once",
            ),
            models.CheckConstraint(condition=Q(fee_bps__lte=10_000), name="shop_fee_bps"),
        ]
        verbose_name = "shop 店铺"
        verbose_name_plural = "shops 店铺"

    def __str__(self) -> str:
        return self.name


class QualificationDocument(models.Model):
    """A licence or certificate of an application. What names a person, an identity card's number,
    is encrypted, and `number` shows its end alone."""

    class Kind(models.TextChoices):
        ID_CARD = "id_card", "identity card 身份证"
        BUSINESS_LICENCE = "business_licence", "business licence 营业执照"
        COSMETICS_RECORD = "cosmetics_record", "cosmetics record 化妆品备案"
        FOOD_LICENCE = "food_licence", "food licence 食品经营许可证"
        BRAND_AUTHORISATION = "brand_authorisation", "brand authorisation 品牌授权"

    class Status(models.TextChoices):
        PENDING = "pending", "pending 待审"
        ACCEPTED = "accepted", "accepted 通过"
        REJECTED = "rejected", "rejected 驳回"
        EXPIRED = "expired", "expired 过期"

    application = models.ForeignKey(
        ShopApplication,
        on_delete=models.CASCADE,
        related_name="documents",
        db_index=False,
    )
    kind = models.CharField(max_length=19, choices=Kind)
    # Kinds whose number is sealed.
    PERSONAL = (Kind.ID_CARD,)

    number = models.CharField(max_length=40)
    number_sealed = models.BinaryField(default=b"", db_default=b"")
    fingerprint = models.CharField(
        max_length=64,
        default="",
        db_default="",
        help_text="HMAC of kind and number: finds the same one twice",
    )
    valid_until = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application", "kind", "fingerprint"],
                condition=~Q(fingerprint=""),
                name="document_once_by_print",
            )
        ]
        permissions = [
            ("unmask_qualificationdocument", "Can see the numbers of identity cards in clear")
        ]
        verbose_name = "qualification document 资质"
        verbose_name_plural = "qualification documents 资质"

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"
