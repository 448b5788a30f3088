"""Hooks: how operators reach things outside."""
