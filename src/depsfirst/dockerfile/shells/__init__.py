"""How a shell reads its text and runs it, as far as that can be told without running it."""
