"""What a kiosk shows: prices as a page."""
