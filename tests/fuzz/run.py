"""`make fuzz`: rounds of the fuzz tests, each with a seed of its own, until the time is over.

A round that fails ends it, and says how to play that round again.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def play(seed: int, only: str) -> bool:
    """One round; whether all went well."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", str(HERE), "--timeout=900"]
    command += [f"--hypothesis-seed={seed}", *(["-k", only] if only else [])]
    return subprocess.run(command, env={**os.environ, "FUZZ_ROUND": "1"}).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, help="play this round alone")
    parser.add_argument("--only", default="", help="tests whose name holds this")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    while True:
        seed = random.randrange(2**32) if options.seed is None else options.seed
        print(f"Round with seed {seed}", flush=True)
        if not play(seed, options.only):
            only = f" ONLY={options.only}" if options.only else ""
            print(f"To play this round again: make fuzz SEED={seed}{only}")
            return 1
        if options.seed is not None or time.monotonic() >= end:
            return 0


if __name__ == "__main__":
    sys.exit(main())
