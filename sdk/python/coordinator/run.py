"""Runs a script as a program of a job: python -m coordinator.run train.py [arguments].

Everything that decides bits is set before the script's first line: seeds, threads, deterministic algorithms.
"""
import os
import random
import runpy
import signal
import sys
import traceback

from . import _launched
from ._errors import ProgramError

LINES = 6


def main():
    script, sys.argv = sys.argv[1], sys.argv[1:]
    # The worker ends this process by closing its connection; what a terminal sends to a whole group is the worker's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    seed = int(os.environ.get("COORDINATOR_SEED", "1"))
    _launched.connect()
    try:
        prepare(seed)
        sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ended:
        if ended.code not in (None, 0):
            _launched.failed(f"the script ended itself with {ended.code!r}")
            raise
    except BaseException as error:
        traceback.print_exc()
        _launched.failed(words(error, script))
        sys.stderr.flush()
        os._exit(1)
    _launched.script_ended()


def prepare(seed):
    """Seeds Python, NumPy and torch, and fixes what decides bits."""
    random.seed(seed)
    try:
        import numpy
        numpy.random.seed(seed % (1 << 32))
    except ImportError:
        pass
    try:
        import torch
    except ImportError as error:
        raise ImportError(f"{sys.executable} has no PyTorch ({error}): name another interpreter with --python, or install PyTorch for this one") from None
    threads = int(os.environ.get("COORDINATOR_THREADS", "1"))
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(seed % (1 << 63))
    torch.use_deterministic_algorithms(os.environ.get("COORDINATOR_NONDETERMINISM") != "1")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def words(error, script):
    """What a person wants to see of an error first: what it is, and the script's own line."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if os.path.abspath(frame.filename) == os.path.abspath(script)]
    where = f" ({os.path.basename(script)}, line {own[-1].lineno}: {own[-1].line})" if own else ""
    what = str(error) if isinstance(error, ProgramError) else "".join(traceback.format_exception_only(type(error), error)).strip()
    return f"{what}{where}" if where else f"{what}\n{''.join(lines[-LINES:])}"


if __name__ == "__main__":
    main()
