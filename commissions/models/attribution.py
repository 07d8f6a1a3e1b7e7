"""Promotion links 推广链接, touches 触达 and what won a line 归因."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from commissions.models.agency import AgencyEdge
from commissions.models.promoter import Promoter


class PromotionLink(models.Model):
    """A promoter's link to a product, note, shop or live room, under a short random code."""

    class Target(models.TextChoices):
        PRODUCT = "product", "product 商品"
        NOTE = "note", "note 笔记"
        SHOP = "shop", "shop 店铺"
        LIVE = "live", "live 直播间"

    promoter = models.ForeignKey(
        Promoter, on_delete=models.PROTECT, related_name="links", db_index=False
    )
    target_kind = models.CharField(max_length=7, choices=Target)
    target_id = models.BigIntegerField()
    code = models.CharField(max_length=16, unique=True)
    channel = models.CharField(max_length=30, default="", blank=True)
    created_at = models.DateTimeField()
    disabled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["promoter", "target_kind", "target_id", "channel"], name="link_once"
            )
        ]
        verbose_name = "promotion link 推广链接"
        verbose_name_plural = "promotion links 推广链接"

    def __str__(self) -> str:
        return self.code


class Touch(models.Model):
    """Somebody came by a link, a note's card or a live room. Append-only; all are kept."""

    class Kind(models.TextChoices):
        REFERRAL = "referral", "referral link 推广链接"
        NOTE = "note", "note 笔记"
        LIVE = "live", "live 直播"

    click_id = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=8, choices=Kind)
    link = models.ForeignKey(
        PromotionLink, null=True, on_delete=models.PROTECT, related_name="touches", db_index=False
    )
    content_id = models.BigIntegerField(null=True, help_text="note or live session")
    visitor = models.CharField(max_length=40, help_text="opaque id kept by the visitor's cookie")
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="referral", link__isnull=False)
                | Q(kind__in=["note", "live"], content_id__isnull=False),
                name="touch_source",
            )
        ]
        indexes = [
            models.Index(fields=["visitor", "-at"], name="touch_visitor"),
            models.Index(
                fields=["account", "-at"], name="touch_account", condition=Q(account__isnull=False)
            ),
            models.Index(fields=["link", "-at"], name="touch_link"),
        ]
        verbose_name = "touch 触达"
        verbose_name_plural = "touches 触达"

    def __str__(self) -> str:
        return self.click_id


class Attribution(models.Model):
    """Which touch a paid line is owed to, by which rule, and why the others lost. Written once."""

    class Rule(models.TextChoices):
        COUPON = "coupon", "coupon code 优惠码"
        NAMED = "named", "named at checkout 下单时指定"
        LAST_TOUCH = "last_touch", "last touch 最后触达"
        LOCK = "lock", "customer lock 锁客"
        NONE = "none", "none 无"

    # A statement-level trigger refuses a line that does not exist (migration 0006).
    order_line = models.OneToOneField(
        "shops.OrderLine", on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    rule = models.CharField(max_length=10, choices=Rule)
    source_kind = models.CharField(max_length=8, default="", blank=True)
    source_id = models.BigIntegerField(
        null=True, help_text="link, note, live session, coupon code or change of a lock"
    )
    # No row-level foreign keys: fifteen checks a line cost more than its rows.
    # Parents are never deleted (PROTECT), and a rule of check_books looks at all of them at once.
    touch = models.ForeignKey(
        Touch,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    promoter = models.ForeignKey(
        Promoter,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    inviter = models.ForeignKey(
        Promoter,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    inviter2 = models.ForeignKey(
        Promoter,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    # The edges by which the promoter was an agency's member, and that agency another's, when the
    # order was placed.
    membership = models.ForeignKey(
        AgencyEdge,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    affiliation = models.ForeignKey(
        AgencyEdge,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    losers = models.JSONField(default=list, help_text="[{kind, id, at, reason}]")
    findings = models.JSONField(default=list, help_text="reason codes, such as self_purchase")
    at = models.DateTimeField()

    class Meta:
        verbose_name = "attribution 归因"
        verbose_name_plural = "attributions 归因"

    def __str__(self) -> str:
        return f"line {self.order_line_id}: {self.rule}"
