"""Promoters, plans, offers, links, touches and payees' accounts."""

import factory
from factory.django import DjangoModelFactory

from backend.core import ids
from backend.core.clock import now
from commissions.models import (
    Agency,
    AgencyEdge,
    AgencyShare,
    CommissionOffer,
    CommissionPlan,
    CouponCode,
    LockSetting,
    PayeeAccount,
    PlanVersion,
    Promoter,
    PromotionLink,
    SponsorEdge,
    Touch,
)
from seeds.factories.accounts import AccountFactory
from seeds.factories.shops import ProductFactory, ShopFactory


class PromoterFactory(DjangoModelFactory):
    """An active promoter without an inviter; with one, the dated edge is written as well."""

    class Meta:
        model = Promoter
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    sponsor = None
    invite_code = factory.LazyFunction(lambda: ids.code(8))
    joined_at = factory.LazyFunction(now)

    @factory.post_generation
    def edge(promoter: Promoter, create: bool, extracted: object, **_: object) -> None:  # noqa: N805
        """The tree's own record of the inviter."""
        if create and promoter.sponsor_id:
            SponsorEdge.objects.create(
                promoter=promoter,
                sponsor_id=promoter.sponsor_id,
                from_at=promoter.joined_at,
                recorded_at=promoter.joined_at,
            )


class AgencyFactory(DjangoModelFactory):
    """An active agency that takes `share_bps` of its members' part."""

    class Meta:
        model = Agency
        skip_postgeneration_save = True

    owner = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"机构 {n}")
    created_at = factory.LazyFunction(now)

    @factory.post_generation
    def share_bps(agency: Agency, create: bool, extracted: int | None, **_: object) -> None:  # noqa: N805
        """What it takes, from the beginning on."""
        if create:
            AgencyShare.objects.create(
                agency=agency,
                number=1,
                share_bps=2_000 if extracted is None else extracted,
                from_at=agency.created_at,
                recorded_at=agency.created_at,
            )


class AgencyEdgeFactory(DjangoModelFactory):
    """A promoter, or with `child` another agency, has joined an agency."""

    class Meta:
        model = AgencyEdge

    agency = factory.SubFactory(AgencyFactory)
    number = 1
    kind = AgencyEdge.Kind.JOINED
    from_at = factory.LazyFunction(now)
    recorded_at = factory.SelfAttribute("from_at")


class PlanFactory(DjangoModelFactory):
    """A plan."""

    class Meta:
        model = CommissionPlan

    name = factory.Sequence(lambda n: f"plan {n}")
    created_at = factory.LazyFunction(now)


class PlanVersionFactory(DjangoModelFactory):
    """A published default version: promoter 80 %, inviter 20 %, creator 100 %, charity 1 % of
    the fee."""

    class Meta:
        model = PlanVersion

    plan = factory.SubFactory(PlanFactory)
    number = 1
    promoter_bps = 8_000
    inviter_bps = 2_000
    creator_bps = 10_000
    charity_bps = 100
    is_default = True
    starts_at = factory.LazyFunction(now)
    published_at = factory.LazyFunction(now)


class CommissionOfferFactory(DjangoModelFactory):
    """An active offer of 20 %."""

    class Meta:
        model = CommissionOffer

    product = factory.SubFactory(ProductFactory)
    rate_bps = 2_000
    starts_at = factory.LazyFunction(now)


class PromotionLinkFactory(DjangoModelFactory):
    """A link to a product."""

    class Meta:
        model = PromotionLink

    promoter = factory.SubFactory(PromoterFactory)
    target_kind = PromotionLink.Target.PRODUCT
    target_id = factory.LazyAttribute(lambda link: ProductFactory.create().pk)
    code = factory.LazyFunction(lambda: ids.code(8))
    created_at = factory.LazyFunction(now)


class TouchFactory(DjangoModelFactory):
    """A click on a link."""

    class Meta:
        model = Touch

    click_id = factory.LazyFunction(lambda: ids.code(22))
    kind = Touch.Kind.REFERRAL
    link = factory.SubFactory(PromotionLinkFactory)
    visitor = factory.LazyFunction(lambda: ids.code(22))
    at = factory.LazyFunction(now)


class CouponCodeFactory(DjangoModelFactory):
    """A promoter's code of a shop, without a discount."""

    class Meta:
        model = CouponCode

    shop = factory.SubFactory(ShopFactory)
    code = factory.Sequence(lambda n: f"CODE{n:05d}")
    promoter = factory.SubFactory(PromoterFactory)
    starts_at = factory.LazyFunction(now)


class LockSettingFactory(DjangoModelFactory):
    """A shop that locks its customers: 7 days after a click, 30 after an order, first bind."""

    class Meta:
        model = LockSetting

    shop = factory.SubFactory(ShopFactory)
    click_product_days = 7
    click_content_days = 7
    click_live_days = 7
    order_product_days = 30
    order_content_days = 30
    order_live_days = 30
    since = factory.LazyFunction(now)


class PayeeAccountFactory(DjangoModelFactory):
    """A sandbox account to be paid on; name and number are placeholders, not sealed values."""

    class Meta:
        model = PayeeAccount

    account = factory.SubFactory(AccountFactory)
    provider = PayeeAccount.Provider.SANDBOX
    holder_name_sealed = b""
    number_sealed = b""
    number_masked = "**** 0001"
    fingerprint = factory.LazyFunction(lambda: ids.code(40))
    created_at = factory.LazyFunction(now)
