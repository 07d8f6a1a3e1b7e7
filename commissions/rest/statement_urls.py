"""Paths of commissions below /v1/: statements."""

from django.urls import path

from commissions.rest import statement_views as views

urlpatterns = [
    path("me/statements", views.StatementsView.as_view(), name="statements"),
    path(
        "shops/<int:shop_id>/statements",
        views.ShopStatementsView.as_view(),
        name="shop-statements",
    ),
    path("statements/<str:number>", views.StatementView.as_view(), name="statement"),
    path(
        "statements/<str:number>/lines", views.StatementLinesView.as_view(), name="statement-lines"
    ),
    path(
        "statements/<str:number>/statement.csv",
        views.StatementCsvView.as_view(),
        name="statement-csv",
    ),
    path(
        "statements/<str:number>/statement.xlsx",
        views.StatementXlsxView.as_view(),
        name="statement-xlsx",
    ),
    path(
        "statements/<str:number>/statement.jsonl",
        views.StatementJsonlView.as_view(),
        name="statement-jsonl",
    ),
    path(
        "statements/<str:number>/statement.html",
        views.StatementPageView.as_view(),
        name="statement-html",
    ),
    path("statement-keys", views.StatementKeysView.as_view(), name="statement-keys"),
]
