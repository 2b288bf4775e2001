"""The peer: `semanticlens` 0.2.1 from PyPI, the package of the paper whose method Lens builds on (arXiv 2501.05398).

What is run and by whom:

- `python -m benchmarks peer`            whole builds and one more layer, at 500, 2,000 and 5,000 photographs
- `python -m benchmarks peer_exemplars`  exemplars and probes of both against a float64 brute force, trap by trap
- `python -m benchmarks similarity`      the ten nearest of a million concept vectors

The peer lies in a folder of its own, so that the environment of Lens stays as it is and both run on the same torch and
open_clip. Where the environment variable LENS_PEER names such a folder, it is used; otherwise the suites make one
below their work folder, with

    uv pip install --target FOLDER --no-deps -r benchmarks/peers/requirements.txt

Modules that import `semanticlens` (`build`, `choosing`, `searching`) are programs: the suites start them in a process
with that folder on PYTHONPATH. They call what the peer's documentation tells to call, and hold none of its code.
"""
