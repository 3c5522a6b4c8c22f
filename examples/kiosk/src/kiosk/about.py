"""What the kiosk says of itself."""

TAGLINE = "prices at a glance"
