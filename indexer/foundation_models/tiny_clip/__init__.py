"""tiny-clip: a small open_clip model that knows only the lesion world, trained by the project.

The folder is what open_clip calls a local directory: `open_clip_config.json`, `open_clip_model.safetensors`,
`tokenizer.json`. The tokenizer is in `tokenizer.py`; `open_clip.get_tokenizer` gives the same ids, by way of
transformers.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
