"""Measurements: depsfirst against what people write by hand, on real engines, in one run on one machine."""
