"""What a base image offers, found out without running it."""
