"""What writing the catalogue may be refused for."""

from backend.core.errors import Refusal


class ShopNotOpen(Refusal):
    """The shop is suspended, closing or closed: it can show nothing new."""

    code = "shop_not_open"
    status = 403
    title = "The shop is not open"


class CategoryUnknown(Refusal):
    """No active category has this code."""

    code = "category_unknown"
    status = 422
    title = "No such category"


class SkuRequired(Refusal):
    """A product on sale has at least one active SKU."""

    code = "sku_required"
    status = 422
    title = "A product on sale needs an active SKU"


class SkuTaken(Refusal):
    """The product has a SKU with this code, or with these options."""

    code = "sku_taken"
    status = 409
    title = "The product has such a SKU already"


class TooManySkus(Refusal):
    """A product has at most 100 SKUs."""

    code = "too_many_skus"
    status = 409
    title = "A product has at most 100 SKUs"


class ProductBanned(Refusal):
    """The platform banned the product; only the platform lets it go."""

    code = "product_banned"
    status = 409
    title = "The product is banned"
