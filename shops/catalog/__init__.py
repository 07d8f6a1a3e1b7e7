"""Categories 类目, products 商品 and SKUs: written by their shop, read by everybody.

Price, status, stock and fee each have their own verb; none of them is a field of another
change. A new price never touches an order: its lines froze theirs when they were placed.
"""

from shops.catalog.categories import (
    active_category,
    branch,
    category_tree,
    file_category,
)
from shops.catalog.products import (
    ban,
    change_product,
    create_product,
    publish,
    unban,
    unpublish,
)
from shops.catalog.reading import (
    Offering,
    of_owner,
    offerings,
    on_sale,
    product_page,
    seen_product,
)
from shops.catalog.refusals import (
    CategoryUnknown,
    ProductBanned,
    ShopNotOpen,
    SkuRequired,
    SkuTaken,
    TooManySkus,
)
from shops.catalog.skus import (
    MAX_SKUS,
    add_sku,
    change_sku,
)

__all__ = [
    "MAX_SKUS",
    "CategoryUnknown",
    "Offering",
    "ProductBanned",
    "ShopNotOpen",
    "SkuRequired",
    "SkuTaken",
    "TooManySkus",
    "active_category",
    "add_sku",
    "ban",
    "branch",
    "category_tree",
    "change_product",
    "change_sku",
    "create_product",
    "file_category",
    "of_owner",
    "offerings",
    "on_sale",
    "product_page",
    "publish",
    "seen_product",
    "unban",
    "unpublish",
]
