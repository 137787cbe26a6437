"""The program as a worker process: what runs on the executors."""

import os
import shutil
import subprocess
import tempfile
import threading
from contextlib import contextmanager


class Failed(Exception):
    """The program could not do it; the message names the file and why."""


def binary(named=None):
    """The program: as named, of the environment, shipped with the job, or in PATH."""
    shipped = None
    try:
        from pyspark import SparkFiles

        shipped = SparkFiles.get("wireloupe")
    except Exception:  # outside of a job
        pass
    for path in (named, os.environ.get("WIRELOUPE"), shipped, shutil.which("wireloupe")):
        if path and os.path.isfile(path):
            if not os.access(path, os.X_OK):  # addFile keeps no rights
                os.chmod(path, 0o755)
            return path
    raise Failed("no wireloupe: ship it with addFile, or name it with binary= or WIRELOUPE")


@contextmanager
def key_log(secrets):
    """Arguments that name a private file with these secrets, which is gone afterwards."""
    if not secrets:
        yield []
        return
    handle, path = tempfile.mkstemp(prefix="wireloupe-")  # readable by its owner only
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets)
        yield ["--keylog", path]
    finally:
        os.unlink(path)


def _environment():
    environment = dict(os.environ)
    environment.pop("SSLKEYLOGFILE", None)
    return environment


def _check(code, said, what):
    # 1: done, but an input was cut, which its own sensor did; what was said goes to the task's log.
    if code not in (0, 1):
        raise Failed(f"{what}: {said.strip()[-2000:] or 'ended with code %d' % code}")
    if code == 1:
        print(f"wireloupe: {what}: {said.strip()[-2000:]}")


def run(program, arguments, what):
    """Runs it to its end."""
    done = subprocess.run(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    _check(done.returncode, done.stderr.decode("utf-8", "replace"), what)
    return done.stdout


def batches(program, arguments, what):
    """Record batches as the program writes them. Both its outputs are drained at once, so it never waits for us."""
    import pyarrow as pa

    process = subprocess.Popen(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    said = []
    listener = threading.Thread(target=lambda: said.append(process.stderr.read()), daemon=True)
    listener.start()
    failure = None
    try:
        with pa.ipc.open_stream(process.stdout) as stream:
            yield from stream
    except pa.ArrowInvalid as error:  # it ended in the middle; why, it says itself
        failure = error
    finally:
        process.stdout.close()
        if failure is None and process.poll() is None:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
        code = process.wait()
        listener.join()
    _check(code, b"".join(said).decode("utf-8", "replace"), what)
    if failure is not None:
        raise Failed(f"{what}: {failure}")
