"""Paths of shops below /v1/: goods."""

from django.urls import URLPattern, path

from shops.rest import catalog, onboarding

urlpatterns: list[URLPattern] = [
    path("shops/applications", onboarding.ShopApplicationsView.as_view()),
    path("shops/applications/<int:application_id>", onboarding.ShopApplicationView.as_view()),
    path(
        "shops/applications/<int:application_id>/submit",
        onboarding.ShopApplicationSubmitView.as_view(),
    ),
    path(
        "shops/applications/<int:application_id>/documents",
        onboarding.ShopApplicationDocumentsView.as_view(),
    ),
    path("shops", onboarding.ShopsView.as_view()),
    path("shops/<int:shop_id>", onboarding.ShopView.as_view()),
    path("shops/<int:shop_id>/products", catalog.ShopProductsView.as_view()),
    path("categories", catalog.CategoriesView.as_view()),
    path("products", catalog.ProductsView.as_view()),
    path("products/<int:product_id>", catalog.ProductView.as_view()),
    path("products/<int:product_id>/publish", catalog.ProductPublishView.as_view()),
    path("products/<int:product_id>/unpublish", catalog.ProductUnpublishView.as_view()),
    path("products/<int:product_id>/skus", catalog.ProductSkusView.as_view()),
    path("products/<int:product_id>/skus/<int:sku_id>", catalog.ProductSkuView.as_view()),
    path("skus/<int:sku_id>/stock-adjustments", catalog.StockAdjustmentsView.as_view()),
    path("me/products", catalog.OwnProductsView.as_view()),
]
