"""Suppliers' services: their price lists, and orders to them."""
