"""Where the modules of the end-to-end tests, of the cluster and of the checker are found."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "cluster"), str(HERE.parent)]
