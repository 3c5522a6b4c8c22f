"""What a Dockerfile says: its text without loss, its instructions and stages, its variables, its context."""
