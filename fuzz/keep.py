#!/usr/bin/env python3
"""Chooses the inputs of a corpus that are kept in the tree: `keep.py LOG FOLDER COUNT`.

LOG is what libFuzzer's merge writes with `-merge_control_file`: the inputs and what each of them reaches. At most COUNT inputs are
copied to FOLDER, each the one that adds most to those before it (the shorter one where two add as much), named by its digest.
"""
import hashlib
import pathlib
import sys


def main():
    lines = iter(pathlib.Path(sys.argv[1]).read_text().splitlines())
    folder, count = pathlib.Path(sys.argv[2]), int(sys.argv[3])
    inputs = int(next(lines))
    next(lines)
    paths = [next(lines) for _ in range(inputs)]
    reached = {}
    for line in lines:
        kind, number, *places = line.split()
        if kind == "COV":
            reached[paths[int(number)]] = set(places)
    content = {path: pathlib.Path(path).read_bytes() for path in reached}
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    known = set()
    for _ in range(count):
        best = max(reached, key=lambda path: (len(reached[path] - known), -len(content[path])))
        if not reached[best] - known:
            break
        known |= reached[best]
        (folder / hashlib.sha1(content[best]).hexdigest()).write_bytes(content[best])


main()
