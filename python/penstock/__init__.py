"""Penstock: one server for Python web applications, whatever protocol the front server speaks."""

__version__ = "0.1.0"
