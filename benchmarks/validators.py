"""What checks cost. ``python -m benchmarks.validators worst`` prints the dearest value of every validator."""

from __future__ import annotations

import argparse
import sys

from benchmarks import worst


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["worst"])
    parser.add_argument("--only", action="append", default=[], help="this validator (again for more)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    return worst.run(options.only, options.json)


if __name__ == "__main__":
    sys.exit(main())
