"""`quick-stations`: lists the names of the stations."""

import argparse

from quick_core.stations import load


def main() -> None:
    argparse.ArgumentParser(description="List the names of the stations.").parse_args()
    for station in load():
        print(station.name)
