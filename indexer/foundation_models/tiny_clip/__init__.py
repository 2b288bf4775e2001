"""tiny-clip: a small open_clip model that knows only the lesion world, trained by the project.

The folder is what open_clip calls a local directory: `open_clip_config.json`, `open_clip_model.safetensors`,
`tokenizer.json`; the tokenizer is in `tokenizer.py`.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
