"""Settings in frozen sections: defaults, then a TOML file, the environment, secrets in files.

Each service owns the dataclass of its section; the composition root names the sections.
The option `url` of section `database` is `url` under `[database]` in the file, and
`LOTA_DATABASE_URL` in the environment; `LOTA_DATABASE_URL_FILE` names a file that holds the value.
A name that no section knows is an error, wherever it stands: a typing mistake in a security setting
must not silently leave the default in force.

An option whose default is `changeable(...)` can be given another value while the process runs, over
all of these. Whoever uses it asks `section` each time, and keeps no copy.
"""

from typed_settings import Secret

from lotabots.runtime.settings.loading import PREFIX, load_settings
from lotabots.runtime.settings.values import Setting, Settings, changeable

__all__ = ["PREFIX", "Secret", "Setting", "Settings", "changeable", "load_settings"]
