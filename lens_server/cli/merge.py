"""`lens merge`: several indexes of one subject become one."""

from pathlib import Path
from typing import Annotated

import typer

from indexer.merging.merge import merge_indexes
from lens_server.cli import output
from lens_server.cli.progress import TerminalProgress
from lens_server.lens import Lens


def merge(
    indexes: Annotated[list[Path], typer.Argument(help="Two index folders or more.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The folder to make.", show_default=False)],
    dataset: Annotated[
        str,
        typer.Option(
            help="The dataset that holds all samples, where the indexes are over parts of it; audits read it again.",
            show_default=False,
        ),
    ] = "",
    without_relevance: Annotated[
        bool,
        typer.Option("--without-relevance", help="Leave out relevance, which cannot be merged over different samples."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an index that is there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs instead of tables.")] = False,
) -> None:
    """Merge indexes of one subject: other layers of the same samples, or the same layers of other samples."""
    progress = TerminalProgress(quiet=quiet or as_json)
    merge_indexes(indexes, out, dataset=dataset, relevance=not without_relevance, replace=overwrite, progress=progress)
    summary = Lens.open(out).describe()
    output.print_json(summary) if as_json else output.print_index(summary)
