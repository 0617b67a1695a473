"""Every speed claim of the README, side by side with what a user would pick instead: ``python -m benchmarks``."""
