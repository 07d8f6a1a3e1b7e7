"""Paths of shops below /v1/: orders."""

from django.urls import path

from shops.rest.checkout_views import (
    CallbackView,
    CheckoutsView,
    CheckoutView,
    PayView,
    QuoteView,
)
from shops.rest.orders_views import (
    CancelView,
    OrdersView,
    OrderView,
    ReceiveView,
    ShipmentsView,
)

urlpatterns = [
    path("checkouts/quote", QuoteView.as_view(), name="checkout-quote"),
    path("checkouts", CheckoutsView.as_view(), name="checkouts"),
    path("checkouts/<slug:number>", CheckoutView.as_view(), name="checkout"),
    path("checkouts/<slug:number>/pay", PayView.as_view(), name="checkout-pay"),
    path("payments/<slug:provider>/callback", CallbackView.as_view(), name="payment-callback"),
    path("orders", OrdersView.as_view(), name="orders"),
    path("orders/<slug:number>", OrderView.as_view(), name="order"),
    path("orders/<slug:number>/cancel", CancelView.as_view(), name="order-cancel"),
    path("orders/<slug:number>/receive", ReceiveView.as_view(), name="order-receive"),
    path("orders/<slug:number>/shipments", ShipmentsView.as_view(), name="order-shipments"),
]
