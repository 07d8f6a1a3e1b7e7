"""Paths of shops below /v1/: orders. Numbers are letters, digits and dashes: anything else is no
path of ours."""

from django.urls import path

from shops.rest import checkout_views, metrics_views, orders_views, refunds_views

urlpatterns = [
    path("checkouts/quote", checkout_views.QuoteView.as_view(), name="checkout-quote"),
    path("checkouts", checkout_views.CheckoutsView.as_view(), name="checkouts"),
    path("checkouts/<slug:number>", checkout_views.CheckoutView.as_view(), name="checkout"),
    path("checkouts/<slug:number>/pay", checkout_views.PayView.as_view(), name="checkout-pay"),
    path(
        "payments/<slug:provider>/callback",
        checkout_views.CallbackView.as_view(),
        name="payment-callback",
    ),
    path("orders", orders_views.OrdersView.as_view(), name="orders"),
    path("orders/<slug:number>", orders_views.OrderView.as_view(), name="order"),
    path("orders/<slug:number>/cancel", orders_views.CancelView.as_view(), name="order-cancel"),
    path("orders/<slug:number>/receive", orders_views.ReceiveView.as_view(), name="order-receive"),
    path(
        "orders/<slug:number>/shipments",
        orders_views.ShipmentsView.as_view(),
        name="order-shipments",
    ),
    path(
        "orders/<slug:number>/refunds",
        refunds_views.OrderRefundsView.as_view(),
        name="order-refunds",
    ),
    path("refunds", refunds_views.RefundsView.as_view(), name="refunds"),
    path("refunds/<slug:number>", refunds_views.RefundView.as_view(), name="refund"),
    path(
        "refunds/<slug:number>/approve",
        refunds_views.ApproveRefundView.as_view(),
        name="refund-approve",
    ),
    path(
        "refunds/<slug:number>/reject",
        refunds_views.RejectRefundView.as_view(),
        name="refund-reject",
    ),
    path(
        "refunds/<slug:number>/withdraw",
        refunds_views.WithdrawRefundView.as_view(),
        name="refund-withdraw",
    ),
    path(
        "refunds/<slug:number>/return-shipment",
        refunds_views.ReturnShipmentView.as_view(),
        name="refund-return-shipment",
    ),
    path(
        "refunds/<slug:number>/confirm-return",
        refunds_views.ConfirmReturnView.as_view(),
        name="refund-confirm-return",
    ),
    path("metrics/daily", metrics_views.DailyMetricsView.as_view(), name="metrics-daily"),
]
