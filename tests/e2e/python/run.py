"""Runs client_test.py against a built `synfire`, with what it needs from PyPI in a venv of its own.

The venv and the stubs generated from proto/ stay in --work, so a second run starts at once.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time
import venv

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[2]
REQUIREMENTS = HERE / "requirements.txt"
TRIES = 4


def install(python: pathlib.Path) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
               "--only-binary", ":all:", "-r", REQUIREMENTS]
    for left in reversed(range(TRIES)):
        done = subprocess.run(command)
        if done.returncode == 0:
            return
        if left > 0:
            print(f"pip failed, {left} more tries", flush=True)
            time.sleep(2 * (TRIES - left))
    sys.exit(f"cannot install {REQUIREMENTS.name}: pip failed {TRIES} times")


def make_venv(work: pathlib.Path) -> pathlib.Path:
    """Gives the interpreter of a venv that has the requirements as they are now."""
    folder = work / "venv"
    python = folder / "bin" / "python"
    stamp = work / "venv.stamp"
    wanted = sys.version + "\n" + REQUIREMENTS.read_text()
    if not (stamp.exists() and stamp.read_text() == wanted and python.exists()):
        venv.EnvBuilder(clear=True, with_pip=True).create(folder)
        install(python)
        stamp.write_text(wanted)
    return python


def generate_stubs(python: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    stubs = work / "stubs"
    stubs.mkdir(parents=True, exist_ok=True)
    proto = SOURCE / "proto"
    subprocess.run([python, "-m", "grpc_tools.protoc", f"-I{proto}", f"--python_out={stubs}",
                    f"--grpc_python_out={stubs}", proto / "synfire/v1/synfire.proto"], check=True)
    return stubs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--synfire", required=True, type=pathlib.Path, help="the binary")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="a folder for the venv")
    options, test_arguments = parser.parse_known_args()
    options.work.mkdir(parents=True, exist_ok=True)
    python = make_venv(options.work)
    environment = dict(os.environ, SYNFIRE_BINARY=str(options.synfire.resolve()),
                       PYTHONPATH=str(generate_stubs(python, options.work)),
                       PYTHONDONTWRITEBYTECODE="1")
    sys.exit(subprocess.run([python, HERE / "client_test.py", *test_arguments],
                            env=environment).returncode)


if __name__ == "__main__":
    main()
