"""Gives commands of the AWS CLI to the CLI itself, which checks their options and parameters and sends nothing.

Reads JSON lines, each the words after `aws`; prints one line for each command that the CLI refuses. Exit status 1 when
there is one.
"""
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

import awscli.clidriver
import botocore.client

os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="ap-northeast-1")


class Sent(BaseException):
    """The request is complete and valid: it would be sent now."""


def send(*_):
    raise Sent


def main():
    # Parameters are validated and serialised before this.
    botocore.client.BaseClient._make_request = send
    driver = awscli.clidriver.create_clidriver()
    problems = 0
    count = 0
    for line in sys.stdin:
        words = json.loads(line)
        count += 1
        said = io.StringIO()
        try:
            with redirect_stdout(said), redirect_stderr(said):
                driver.main(words)
            reason = said.getvalue().strip()
        except Sent:
            continue
        except SystemExit:
            reason = said.getvalue().strip()
        problems += 1
        print(f"aws {' '.join(words)}: {' '.join(reason.split())[-300:]}")
    print(f"{count} commands checked", file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())
