"""Stations and their readings. Reads files only; prints nothing."""

import os
from pathlib import Path
from typing import List, Optional

import numpy
import yaml
from pydantic import BaseModel


class Station(BaseModel):
    """One station: where it stands and what it read, in degrees Celsius."""

    name: str
    height: int
    readings: List[float]

    def mean(self) -> float:
        return float(numpy.mean(numpy.array(self.readings)))

    def spread(self) -> float:
        return float(numpy.std(numpy.array(self.readings)))


def data_folder() -> Path:
    """The folder that `activate` names in PANNIER_DATA."""
    try:
        return Path(os.environ["PANNIER_DATA"])
    except KeyError:
        raise SystemExit("PANNIER_DATA is not set: source the `activate` of the unpacked tarball") from None


def load(folder: Optional[Path] = None) -> List[Station]:
    """All stations with the readings of the latest year."""
    folder = folder or data_folder() / "stations"
    described = yaml.safe_load((folder / "stations.yml").read_text(encoding="utf-8"))
    readings = {}
    for line in (folder / "latest.csv").read_text(encoding="utf-8").splitlines():
        name, *values = line.split(",")
        readings[name] = [float(value) for value in values]
    return [Station(readings=readings[entry["name"]], **entry) for entry in described]
