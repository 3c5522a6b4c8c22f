"""Places that hold images: one file per way."""
