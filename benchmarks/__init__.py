"""Every speed claim of the README, beside what a user would pick instead: ``python -m benchmarks``."""
