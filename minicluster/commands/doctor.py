"""`minicluster doctor`: what is wrong with this installation."""

from . import DONE, FAILED


def add_to(commands):
    """Add the command to argparse's."""
    parser = commands.add_parser(
        "doctor",
        help="say what is wrong with this installation",
        description="Look at Python, packages, threads, cache, display, this folder, and run a test of two seconds. "
        "The page is made to be pasted into a question. Exit code 1 if something can't work.",
    )
    parser.set_defaults(run=_doctor)


def _doctor(arguments):
    from ..doctor import examine

    findings = []
    for finding in examine(arguments.environment):
        mark = "!!" if finding.hinders else "! " if finding.remedy else "  "
        print(f"{mark} {finding.what:12} {finding.found}", flush=True)
        if finding.remedy:
            print(f"{'':15} -> {finding.remedy}")
        findings.append(finding)
    hindrances = sum(finding.hinders for finding in findings)
    advice = sum(bool(finding.remedy) for finding in findings) - hindrances
    if hindrances:
        print(f"{hindrances} marked !! must be mended first")
        return FAILED
    print(f"everything works{f'; {advice} marked ! may be worth a look' if advice else ''}")
    return DONE
