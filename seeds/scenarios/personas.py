"""The named people of the demo: who they are and what they show. All sign in with PASSWORD."""

import hashlib
from dataclasses import dataclass
from typing import Final

from seeds.factories.accounts import PASSWORD

__all__ = ["PASSWORD", "PERSONAS", "SHOPKEEPERS", "STAFF", "Persona", "secret_of"]


@dataclass(frozen=True, slots=True)
class Persona:
    """A named account; `followers` is exact where it is given."""

    handle: str
    name: str
    role: str
    bio: str
    city_code: str = "310000"
    followers: int | None = None


PERSONAS: Final = (
    Persona("selena", "Selena 的衣橱", "shop owner, 0 followers",
            "小店主理人，每一件自己先穿过", followers=0),
    Persona("lily", "Lily 爱买", "buys", "买得少，用得久"),
    Persona("linda", "Linda 推客", "promoter, invited by Ella", "好东西要分享给朋友", "330100"),
    Persona("ella", "Ella 团长", "promoter, invited Linda", "做了三年私域，带大家一起"),
    Persona("nana", "Nana 小推", "promoter, invited by Linda", "下班后的小副业", "110000"),
    Persona("blogger999", "差一位一千粉", "999 followers: may not apply",
            "穿搭新人", "310000", 999),
    Persona("blogger1000", "刚好一千粉", "1,000 followers: may apply", "家居控", "440100", 1000),
    Persona("buyer", "阿梨买手店", "shows others' goods (买手)",
            "只挑自己会回购的", "310000", 1180),
    Persona("brand", "云朵棉品牌号", "enterprise with a shop", "二十年只做棉", "330100", 420),
    Persona("rejected", "还没开张", "shop application rejected", "", "440300", 12),
    Persona("suspended", "停业中的店", "shop suspended", "", "510100", 35),
    Persona("admin", "平台管理员", "superuser", ""),
    Persona("finance_a", "财务初审 A", "prepares payouts (maker)", ""),
    Persona("finance_b", "财务复核 B", "approves payouts (checker)", ""),
)  # fmt: skip
STAFF: Final = ("admin", "finance_a", "finance_b")
SHOPKEEPERS: Final = {
    "selena": ("individual", "Selena 的衣橱", "fashion"),
    "brand": ("enterprise", "云朵棉旗舰店", "home"),
    "suspended": ("individual_business", "停业小铺", "beauty"),
}


def secret_of(handle: str) -> bytes:
    """The secret of a demo staff's second factor: known on purpose, like the password, so that
    `manage.py staff_code` can stand in for a phone."""
    return hashlib.sha256(f"tuike demo {handle}".encode()).digest()[:20]
