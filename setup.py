"""Adds the edition to the wheel; everything else about the package is in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).parent))  # setuptools does not look there

from cifar_lab.publishing.wheel import BuildWithEdition

setup(cmdclass={"build_py": BuildWithEdition})
