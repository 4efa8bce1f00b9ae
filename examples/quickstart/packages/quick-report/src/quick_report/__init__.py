"""A report on the readings of weather stations."""
