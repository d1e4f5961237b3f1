"""What docs/sandbox.md tells a newcomer to type works as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from ons_sandbox import Sandbox
from sandboxes import wait_until

PAGE = (Path(__file__).parents[1] / "docs/sandbox.md").read_text()


def test_the_file_that_the_page_drops_arrives_in_influxdb(tmp_path):
    drop, look = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    # Its own sandbox: the file stands where the platform's own would.
    with Sandbox(tmp_path / "sandbox", traffic=False) as sandbox:
        environment = {**os.environ, **sandbox.env()}

        def python(code: str) -> str:
            command = [sys.executable, "-c", code]
            return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

        python(drop)
        wait_until(lambda: "1234.5" in python(look), "the point of the dropped file")
