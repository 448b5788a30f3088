"""What tests of several parts need: servers of their own, builders."""
