"""Runs what docs/scale.md shows, block by block, where its captures and programs are: cookbook.py DOCUMENT.

Every query must give rows, every program must do what it says without an error.
"""

import re
import subprocess
import sys

import duckdb


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    blocks = re.findall(r"^```(sh|sql|python)\n(.*?)^```", text, re.S | re.M)
    kinds = [kind for kind, _ in blocks]
    assert kinds.count("sql") >= 8 and kinds.count("sh") >= 2 and kinds.count("python") >= 1, kinds
    database = duckdb.connect(":memory:")
    for kind, block in blocks:
        title = f"{kind}: {block.strip().splitlines()[0]}"
        if kind == "sh":
            # A part that fails in the background is seen by its tables, which the queries miss.
            done = subprocess.run(["sh", "-e", "-c", block], capture_output=True, text=True)
            assert done.returncode == 0, (title, done.stderr)
            print(len(done.stdout.splitlines()), title)
            if "kcat" in block:
                assert done.stdout.startswith('{"type":"message"'), done.stdout[:200]
        elif kind == "python":
            exec(compile(block, title, "exec"), {})
            print(title)
        else:
            rows = []
            for statement in block.split(";\n"):
                if statement.strip():
                    rows = database.execute(statement).fetchall()
            print(len(rows), title)
            assert rows, f"no rows: {title}"


main()
