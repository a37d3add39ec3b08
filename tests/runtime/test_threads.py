"""A PC with many processors: no thread for each of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMPILER = shutil.which("cc")

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc and LD_PRELOAD"),
    pytest.mark.skipif(COMPILER is None, reason="no C compiler"),
]

# Thirty-two processors, wherever a library of the C library's asks for their number.
_SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#define N 32
long sysconf(int name) {
    static long (*real)(int);
    if (!real) real = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");
    return name == _SC_NPROCESSORS_CONF || name == _SC_NPROCESSORS_ONLN ? N : real(name);
}
int get_nprocs(void) { return N; }
int get_nprocs_conf(void) { return N; }
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
    memset(set, 0, size);
    for (int i = 0; i < N; i++) CPU_SET_S(i, size, set);
    return 0;
}
int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set) { return 0; }
"""

_COUNT = "len(os.listdir('/proc/self/task'))"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of a process that sees 32 processors."""
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(_SHIM)
    library = folder / "shim.so"
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-w", "-o", library, folder / "shim.c",
                    "-ldl"], check=True)  # fmt: skip
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    rest = {k: v for k, v in os.environ.items() if k not in names}
    return {**rest, "LD_PRELOAD": str(library)}


def threads(code: str, env: dict[str, str], cwd: Path) -> int:
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=cwd, capture_output=True,
                          text=True, check=True)  # fmt: skip
    return int(done.stdout.split()[-1])


def test_the_runtime_starts_no_thread_per_processor(many: dict[str, str], tmp_path: Path) -> None:
    bare = threads(f"import os, numpy, cv2; print({_COUNT})", many, tmp_path)
    if bare < 32:
        pytest.skip("this OpenBLAS starts no threads at import")
    # What main() does, then the imports of a run: a mode that ends at once, and a count.
    code = (
        "import os, sys\n"
        "from fer_runtime.command import cli\n"
        "assert not {'numpy', 'cv2'} & set(sys.modules), 'imported before main() sets them up'\n"
        "cli._leave = lambda code: None\n"
        "cli.main(['--print-config'])\n"
        "import numpy, cv2, fer_runtime.wiring.daemon\n"
        f"print({_COUNT})\n"
    )
    assert threads(code, many, tmp_path) <= 4


def test_who_asks_for_more_threads_gets_them(many: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import os\nfrom fer_runtime.command import cli\ncli._leave = lambda code: None\n"
        "cli.main(['--print-config'])\nprint(0, os.environ['OPENBLAS_NUM_THREADS'])"
    )
    assert threads(code, {**many, "OPENBLAS_NUM_THREADS": "3"}, tmp_path) == 3
