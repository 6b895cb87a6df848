"""Stage `check_params`: every key and every value of params.yaml, checked before they cost anything.

A stage checks the section that it takes, but runs only when something has changed for it: a misspelt key beside
the right one would change nothing. The output is always the same, so that nothing runs again because of this
stage. As it is the first one to run, it starts the compiling of kernels, which goes on beside those that follow.
"""

from stages.core.atomic import write_text
from stages.core.command import run
from stages.core.errors import ParameterError
from stages.params.file import PARAMS, read_params
from stages.params.options import DATA, DataFolder
from stages.params.stage import ParamsFile, stage_application


def check_params(data: DataFolder = DATA, params: ParamsFile = PARAMS) -> None:
    """Refuse unknown keys, values of another type or out of range, and names that are not known."""
    from stages.diagnosis.kernels import start_compiling
    from stages.diagnosis.values import value_faults

    faults = list(value_faults(read_params(params)))
    if faults:
        more = f" (and {len(faults) - 1} more; `manyviews doctor` lists all)" if len(faults) > 1 else ""
        raise ParameterError(f"{faults[0]}{more}")
    start_compiling()
    write_text(data / "checked_params.txt", "every key and value of params.yaml is one that a stage takes\n")


app = stage_application(check_params)

if __name__ == "__main__":
    run(app)
