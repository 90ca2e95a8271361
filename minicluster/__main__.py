import sys

if sys.version_info < (3, 10):  # before anything that older versions can't read
    sys.exit("minicluster needs Python 3.10 or newer, this is " + sys.version.split()[0])

from .cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
