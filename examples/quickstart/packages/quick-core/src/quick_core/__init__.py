"""Readings of weather stations, from the data folder that travels in the tarball."""

from quick_core.stations import Station, data_folder, load

__all__ = ["Station", "data_folder", "load"]
