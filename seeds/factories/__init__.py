"""The only factories of the house: believable rows for people and tests alike."""

from seeds.factories.accounts import AccountFactory, AddressFactory
from seeds.factories.commissions import (
    AgencyEdgeFactory,
    AgencyFactory,
    CommissionOfferFactory,
    CouponCodeFactory,
    LockSettingFactory,
    PayeeAccountFactory,
    PlanVersionFactory,
    PromoterFactory,
    PromotionLinkFactory,
    TouchFactory,
)
from seeds.factories.notes import MediaFileFactory, NoteFactory, TopicFactory
from seeds.factories.shops import CategoryFactory, ProductFactory, ShopFactory, SkuFactory

__all__ = [
    "AccountFactory",
    "AddressFactory",
    "AgencyEdgeFactory",
    "AgencyFactory",
    "CategoryFactory",
    "CommissionOfferFactory",
    "CouponCodeFactory",
    "LockSettingFactory",
    "MediaFileFactory",
    "NoteFactory",
    "PayeeAccountFactory",
    "PlanVersionFactory",
    "ProductFactory",
    "PromoterFactory",
    "PromotionLinkFactory",
    "ShopFactory",
    "SkuFactory",
    "TopicFactory",
    "TouchFactory",
]
