from __future__ import annotations
import argparse, sys
from benchmarks import worst

p = argparse.ArgumentParser()
p.add_argument("what", nargs="?")
p.add_argument("--only", action="append")
p.add_argument("--json", action="store_true")
o = p.parse_args()
sys.exit(worst.run(o.only or (), o.json))
