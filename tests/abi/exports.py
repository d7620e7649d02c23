#!/usr/bin/env python3
"""Checks that plugins export exactly their query symbol."""

import argparse
import pathlib
import subprocess
import sys

QUERY = "synfire_plugin_query"


def exported(nm, library):
    """Names of the symbols that a shared library defines for others."""
    run = subprocess.run(
        [nm, "-D", "--defined-only", library], capture_output=True, text=True, check=True
    )
    return sorted(line.split()[-1] for line in run.stdout.splitlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--folder", action="append", required=True, help="searched for *.so")
    parser.add_argument("--expect", nargs="+", required=True, help="plugins that must be there")
    parser.add_argument("--no-symbol", nargs="*", default=[], help="plugins that export nothing")
    arguments = parser.parse_args()

    libraries = sorted(p for f in arguments.folder for p in pathlib.Path(f).rglob("*.so"))
    faults = [
        f"{name}.so is not in {', '.join(arguments.folder)}"
        for name in set(arguments.expect) - {library.stem for library in libraries}
    ]
    for library in libraries:
        want = [] if library.stem in arguments.no_symbol else [QUERY]
        got = exported(arguments.nm, library)
        if got != want:
            faults.append(f"{library} exports {got}, want {want}")
    print("\n".join(faults) or f"{len(libraries)} plugins export what they should")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
