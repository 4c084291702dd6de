"""Builds the extensions: the C core once, as a static library, linked into each pyx/_*.pyx. Metadata stands in pyproject.toml.

Environment:
    PENSTOCK_WERROR=1                     warnings are errors
    PENSTOCK_SANITIZE=address,undefined   a build with sanitizers and assertions, apart from the ordinary one
"""

import os
from glob import glob
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_clib import build_clib

WERROR = os.environ.get("PENSTOCK_WERROR") == "1"
SANITIZE = os.environ.get("PENSTOCK_SANITIZE", "")

CORE = "penstock_core"
SOURCES = sorted(glob("csrc/*/*.c"))
HEADERS = sorted(glob("csrc/*/*.h"))
BUILD = "build/sanitize" if SANITIZE else "build"

# -fno-plt: calls into the interpreter are most of what an extension does; this spares each the jump through the PLT.
COMMON = ["-std=c11", "-O3", "-fvisibility=hidden", "-fno-plt", *(["-Werror"] if WERROR else [])]
CORE_FLAGS = [*COMMON, "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion"]
# Generated C: warned about only where the fault would be ours.
EXTENSION_FLAGS = [*COMMON, "-Wall", "-Wno-unused-function", "-Wno-unused-variable"]
LINK_FLAGS = ["-Wl,--gc-sections"]

if SANITIZE:
    checks = [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g", "-UNDEBUG"]
    CORE_FLAGS += checks
    EXTENSION_FLAGS += checks
    LINK_FLAGS += [f"-fsanitize={SANITIZE}"]


class BuildCore(build_clib):
    """Archives anew: ar only ever adds, so the object of a source since removed or renamed would stay in and win."""

    def build_libraries(self, libraries):
        Path(self.build_clib, f"lib{CORE}.a").unlink(missing_ok=True)
        super().build_libraries(libraries)


def extensions():
    modules = cythonize(
        [Extension(f"penstock.{Path(pyx).stem}", [pyx], include_dirs=["csrc"]) for pyx in sorted(glob("pyx/_*.pyx"))],
        build_dir=f"{BUILD}/cython",
        include_path=["pyx"],
        compiler_directives={"language_level": 3},
    )
    for module in modules:
        # Set only now: cythonize would copy every file an extension depends on into its build folder.
        module.depends += SOURCES + HEADERS
        module.extra_compile_args = EXTENSION_FLAGS
        module.extra_link_args = LINK_FLAGS
    return modules


setup(
    libraries=[(CORE, {"sources": SOURCES, "include_dirs": ["csrc"], "cflags": CORE_FLAGS, "obj_deps": {"": HEADERS}})],
    ext_modules=extensions(),
    cmdclass={"build_clib": BuildCore},
    options={"build": {"build_base": BUILD}, "build_ext": {"parallel": os.cpu_count()}},
)
