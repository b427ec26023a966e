"""What the clinic says, from data/clinic/07.yaml."""

import yaml

from lessons_lib import files

PATH = files.DATA / "clinic" / "07.yaml"
with files.reading(PATH, "a mapping, YAML", "Repair it with `git restore data/clinic/07.yaml`"):
    WORDS = yaml.safe_load(PATH.read_text(encoding="utf-8"))
