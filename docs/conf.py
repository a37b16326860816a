"""How the documentation is built: ``make docs``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "envs")]  # this checkout, wherever devlearn is installed

project = "devlearn"
author = "the devlearn authors"
project_copyright = author
extensions = ["myst_nb", "sphinx_design", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "devlearn_docs"]
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
nb_execution_mode = "off"  # `make notebooks` runs them, and they are kept with what they print
nb_merge_streams = True
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "devlearn"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["tables.css"]
smartquotes_action = "D"  # dashes alone: quotes stand for themselves

myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # the sections of a generated page begin at the level that they have

nitpicky = True
# Names of other packages: their documentation would have to be fetched.
nitpick_ignore_regex = [
    ("py:.*", r"(torch|nn|numpy|np|pydantic|gymnasium|gym|spaces|collections|pathlib|typing|pandas)\..*"),
    ("py:.*", r"(Tensor|Path|Any|Mapping|Sequence|Callable|Iterator|Literal|optional|annotationlib\..*)"),
    ("py:class", r"(State|Metrics|Mapper|Objective|LabelledBatches|flops\.Shapes)"),  # short for what stands in words
    ("py:exc", r"\w+"),  # napoleon names exceptions without their module
    ("py:class", r"devlearn\.(stages\.stage\.S|probes\.probe\.P)"),  # internal, as are the next two
    ("py:class", r"(Schedule|devlearn\.tasks\.envs\.lessons\.Schedule)"),  # who says which lesson comes next
    ("py:class", r"(View|Stream|devlearn\.tasks\.envs\.stream\.Stream)"),  # how a task is seen, what is lived again
    ("py:class", r"devlearn\.(tasks\.envs\.vector_env\.EnvStep|runs\.executors\.supervisor\.Outcome)"),
    ("py:class", r"devlearn\.records\.(reader|results|schema)\..*"),  # records and results have pages of their own
    ("py:class", r"devlearn\.learners\.brains\.needs\.Part"),
    ("py:class", r"tuple\[.*"),  # as the docstring of a dataclass's constructor is split
    ("py:class", r"(devlearn\.report\.section\.(Content|Section|Shown)|FigureStore|Figure|Quantity)"),
    ("py:class", r"(Answer|Look)"),  # what `Run.compare` gives, in words there; the looks of figures, in `Run.report`
]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
