"""Counters and timers for Prometheus."""

from prometheus_client import Counter, Histogram

ORDERS = Counter("larder_orders_total", "Orders taken", ["shop"])
REJECTED = Counter("larder_orders_rejected_total", "Orders refused for want of stock", ["shop"])
FORECAST_SECONDS = Histogram("larder_forecast_seconds", "Time to train and predict, in seconds")
