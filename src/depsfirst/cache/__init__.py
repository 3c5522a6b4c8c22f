"""Which steps of a build run again after a change, and why."""
