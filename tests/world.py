"""A small trading world for tests that drive the running service: `python -m tests.world N`
prints, as JSON, the ids and tokens of a shop with stock, a promoter under an inviter, and N
buyers."""

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

from backend import embedded


def build(buyers: int, **plan: object) -> dict[str, object]:
    """Creates the rows and returns what a client needs; `plan` changes the plan's version."""
    from django.db import transaction

    from backend.accounts import tokens
    from backend.core.clock import now
    from seeds import factories as f

    def signed_in(handle: str, name: str) -> tuple[object, str]:
        account = f.AccountFactory.create(handle=handle, display_name=name)
        return account, tokens.issue(account=account, at=now())[0]

    with transaction.atomic():
        owner, owner_token = signed_in("owner", "店主")
        product = f.ProductFactory.create(shop=f.ShopFactory.create(account=owner))
        skus = [
            f.SkuFactory.create(product=product, price_fen=price, on_hand=100_000)
            for price in (12_900, 4_990)
        ]
        f.CommissionOfferFactory.create(product=product, rate_bps=2_000)
        f.PlanVersionFactory.create(**plan)
        inviter, inviter_token = signed_in("inviter", "邀请人")
        promoter, promoter_token = signed_in("promoter", "推客")
        sponsor = f.PromoterFactory.create(account=inviter)
        link = f.PromotionLinkFactory.create(
            promoter=f.PromoterFactory.create(account=promoter, sponsor=sponsor),
            target_id=product.pk,
        )
        people = []
        for number in range(buyers):
            account, token = signed_in(f"buyer{number}", f"买家{number}")
            people.append({"token": token, "address": f.AddressFactory.create(account=account).pk})
    return {
        "owner": owner_token,
        "inviter": inviter_token,
        "promoter": promoter_token,
        "code": link.code,
        "product": product.pk,
        "skus": [{"id": sku.pk, "price_fen": sku.price_fen} for sku in skus],
        "buyers": people,
    }


if __name__ == "__main__":
    embedded.ensure()
    import django

    django.setup()
    sys.stdout.write(json.dumps(build(int(sys.argv[1]))))
