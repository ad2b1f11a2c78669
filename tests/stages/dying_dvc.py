"""`dvc repro`, which kills itself at a moment between the end of a stage's script and DVC's next stage.

    python tests/stages/dying_dvc.py STAGE MOMENT

MOMENT: one of workspace.UNCOMMITTED, or another word: then nothing is killed.
"""

import json
import os
import signal
import sys
import types
from collections.abc import Callable
from typing import Any

from dvc import rwlock
from dvc.cli import main
from dvc.stage import Stage

stage, moment = sys.argv[1:]


def dying(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Stage, *arguments: Any, **named: Any) -> Any:
        if f"'{stage}'" in str(self):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(self, *arguments, **named)

    return call


match moment:
    case "outs are not hashed":
        Stage.save = dying(Stage.save)
    case "outs are not in the cache":
        Stage.commit = dying(Stage.commit)
    case "dvc.lock is not written":
        Stage.dump = dying(Stage.dump)
    case "its lock file is empty":  # opened anew, and not yet written: from the next time on after the end
        save = Stage.save

        def saving(self: Stage, *arguments: Any, **named: Any) -> Any:
            if f"'{stage}'" in str(self):
                rwlock.json = types.SimpleNamespace(
                    load=json.load,
                    JSONDecodeError=json.JSONDecodeError,
                    dump=lambda *_: os.kill(os.getpid(), signal.SIGKILL),
                )
            return save(self, *arguments, **named)

        Stage.save = saving
sys.exit(main(["repro"]))
