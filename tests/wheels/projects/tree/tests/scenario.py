"""Stands for tests, which no backend packs."""
