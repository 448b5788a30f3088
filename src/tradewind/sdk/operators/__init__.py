"""The standard operators. Each module is one operator, or one with its close kin."""
