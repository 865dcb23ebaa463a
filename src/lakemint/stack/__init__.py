"""The embedded stack: an object store, Spark, Airflow and Label Studio on this machine, kept alive.

up(home, checkout)   start it, wait until all of it serves
down(home)           stop it, leave nothing behind
status(home)         how it is
"""

from lakemint.stack.start import up
from lakemint.stack.state import status
from lakemint.stack.stop import down

__all__ = ["down", "status", "up"]
