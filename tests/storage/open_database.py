"""Opens a database, which makes its tables when there are none. Warnings are errors.

python open_database.py FOLDER_OR_URL
"""

import sys
import warnings
from pathlib import Path

from nexus_voice.storage.database import Database

warnings.simplefilter("error")
place = sys.argv[1]
Database(place if "://" in place else Path(place)).close()
