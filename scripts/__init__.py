"""Programs that prepare a machine: real engines for tests and benchmarks, and the demonstration."""
