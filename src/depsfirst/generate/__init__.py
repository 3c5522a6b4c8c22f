"""The plan of an image as text: Dockerfile, ignore file and bake file."""
