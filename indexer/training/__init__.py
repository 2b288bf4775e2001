"""How the embedded weights were made, and how good they are.

python -m indexer.training.tiny_clip   python -m indexer.training.subjects   python -m indexer.training.table
"""
