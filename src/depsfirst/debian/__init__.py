"""A base image from a signed Debian package index, without a daemon."""
